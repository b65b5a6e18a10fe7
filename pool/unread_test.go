package pool_test

import (
	"context"
	"runtime"
	"slices"
	"testing"

	"github.com/gothreading/threading/pool"
)

// garbage collects until the except hook was told of want.
func garbage(t *testing.T, told *hooked, want ...any) {
	t.Helper()
	defer hangs(t)()
	missing := func(v any) bool { return !slices.Contains(told.values(), v) }
	for slices.ContainsFunc(want, missing) {
		runtime.GC()
		runtime.Gosched()
	}
}

func panicking(v any) function {
	return func(context.Context) (int, error) { panic(v) }
}

// unread makes a Result that holds a panic, and forgets it after use.
//
//go:noinline
func unread(p *pool.Pool, name string, use func(*pool.Result[int])) {
	r := pool.ApplyAsync(p, panicking(name))
	<-r.Done()
	use(r)
}

func TestAPanicThatNobodyReadsIsReported(t *testing.T) {
	told := hookUnread(t)
	p := pool.New(1)
	defer p.Shutdown()
	for name, use := range map[string]func(*pool.Result[int]){
		"nothing":    func(*pool.Result[int]) {},
		"Ready":      func(r *pool.Result[int]) { r.Ready() },
		"Wait":       func(r *pool.Result[int]) { r.Wait() },
		"Started":    func(r *pool.Result[int]) { r.Started() },
		"WaitOfMany": func(r *pool.Result[int]) { pool.Wait(1, r) },
	} {
		unread(p, name, use)
		garbage(t, told, name)
	}
	func() {
		r := pool.Spawn(panicking("spawned"))
		<-r.Done()
	}()
	func() {
		r := pool.MapAsync(p, func(_ context.Context, s string) (int, error) { panic(s) }, []string{"item 1", "item 2"})
		<-r.Done()
	}()
	garbage(t, told, "spawned", "item 1", "item 2")
}

func TestAPanicThatWasReadIsNotReported(t *testing.T) {
	told := hookUnread(t)
	p := pool.New(1)
	defer p.Shutdown()
	names := []string{}
	for name, use := range map[string]func(*pool.Result[int]){
		"Get":        func(r *pool.Result[int]) { _, _ = r.Get() },
		"TryGet":     func(r *pool.Result[int]) { _, _ = r.TryGet() },
		"GetTimeout": func(r *pool.Result[int]) { _, _ = r.GetTimeout(0) },
		"GetContext": func(r *pool.Result[int]) { _, _ = r.GetContext(context.Background()) },
		"Successful": func(r *pool.Result[int]) { r.Successful() },
		"OnDone":     func(r *pool.Result[int]) { r.OnDone(func(int, error) {}) },
		"Gather":     func(r *pool.Result[int]) { _, _ = pool.Gather(r) },
	} {
		names = append(names, name)
		unread(p, name, use)
	}
	before := make(chan struct{})
	func() { // one who has asked before the end will learn of it, as a Callback does
		r := pool.ApplyAsync(p, func(context.Context) (int, error) { <-before; panic("OnDone before") })
		r.OnDone(func(int, error) {})
		s := pool.ApplyAsync(p, panicking("Callback"), pool.Callback(func(int, error) {}))
		close(before)
		<-r.Done()
		<-s.Done()
	}()
	names = append(names, "OnDone before", "Callback")
	_, _ = pool.Apply(p, panicking("Apply"))
	names = append(names, "Apply")
	for i := range 3 { // each of these is certainly collected behind the others
		unread(p, string(rune('0'+i)), func(*pool.Result[int]) {})
		garbage(t, told, string(rune('0'+i)))
	}
	for _, v := range told.values() {
		if s, ok := v.(string); ok && slices.Contains(names, s) {
			t.Errorf("read, and reported: %v", v)
		}
	}
}
