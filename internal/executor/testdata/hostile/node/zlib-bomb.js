// want: MEMORY_LIMIT EXECUTION_FAILED EXECUTION_TIMEOUT
() => { const z = require("zlib"); let b = Buffer.alloc(1 << 20); for (;;) b = Buffer.concat([b, z.gunzipSync(z.gzipSync(b))]); }
