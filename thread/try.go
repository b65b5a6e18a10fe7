package thread

import "github.com/gothreading/threading/internal/hook"

// Try calls fn on the calling goroutine. It returns nil if fn returned, and a
// [*PanicError] with the stack if fn panicked. It is Python's "except
// Exception" around a job that must not end the loop which runs it:
//
//	for job := range jobs.Tasks() {
//		if err := thread.Try(job); err != nil {
//			log.Print(err)
//		}
//	}
//
// The panic is not reported to the except hook. If fn calls [runtime.Goexit],
// Try does not return: the goroutine ends, as it would without Try; a panic in
// a deferred call then goes to the except hook. Try panics if fn is nil.
func Try(fn func()) error {
	if fn == nil {
		panic("thread: Try with a nil func")
	}
	if p := hook.Catch(fn); p != nil {
		return (*PanicError)(p)
	}
	return nil
}
