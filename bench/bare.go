package main

import (
	"errors"
	"time"

	"modernc.org/libc"
	lib "modernc.org/libquickjs"
)

// bare evaluates source in a QuickJS VM with nothing around it: the engine's own
// allocator, no limits, no prelude.
func bare(source string) (time.Duration, error) {
	tls := libc.NewTLS()
	defer tls.Close()
	text, err := libc.CString(source)
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(tls, text)
	file, err := libc.CString("bare.js")
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(tls, file)
	start := time.Now()
	rt := lib.XJS_NewRuntime(tls)
	ctx := lib.XJS_NewContext(tls, rt)
	v := lib.XJS_Eval(tls, ctx, text, lib.Tsize_t(len(source)), file, lib.MJS_EVAL_TYPE_GLOBAL)
	if v.Ftag == lib.EJS_TAG_EXCEPTION {
		return 0, errors.New("the bare VM threw")
	}
	for lib.XJS_ExecutePendingJob(tls, rt, 0) > 0 {
	}
	lib.XFreeValue(tls, ctx, v)
	lib.XJS_FreeContext(tls, ctx)
	lib.XJS_FreeRuntime(tls, rt)
	return time.Since(start), nil
}

// bareSnapshotless is the least a bare VM costs.
func bareSnapshotless() (time.Duration, error) {
	return bare(`JSON.stringify(((i) => i)(JSON.parse('{"a": 1}')))`)
}
