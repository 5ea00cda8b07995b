// want: MEMORY_LIMIT EXECUTION_FAILED
() => { const b = new ArrayBuffer(0, { maxByteLength: 2 ** 30 }); b.resize(2 ** 30); return b.byteLength; }
