package sandbox

import "runtime"

// onOwnThread calls f, in a goroutine, on an operating system thread that ends
// when f returns. It is never the main thread, which the Go runtime parks instead
// of ending it: what hangs on the thread's end would not happen, and what f
// changed about the thread would stay.
func onOwnThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if !onMainThread() {
			f() // never unlocked: the thread ends with the goroutine
			return
		}
		locked := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(locked)
			f()
		}()
		<-locked // this goroutine holds the main thread until then
		runtime.UnlockOSThread()
	}()
}
