// want: ok EXECUTION_FAILED
() => { for (const k of Reflect.ownKeys(globalThis)) { try { Object.freeze(globalThis[k]); Object.freeze(globalThis[k].prototype); } catch {} } Object.freeze(globalThis); return 1; }
