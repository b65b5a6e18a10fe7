package pool_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gothreading/threading/pool"
)

func TestABadValuePanicsAndSaysWhichAndWhere(t *testing.T) {
	p := newPool(t, 2)
	before := p.Stats()
	for _, c := range []struct {
		call  string
		value int
		bad   func(int)
	}{
		{"New", -1, func(n int) { pool.New(n) }},
		{"New", math.MinInt, func(n int) { pool.New(n) }},
		{"Backlog", -1, func(n int) { pool.New(1, pool.Backlog(n)) }},
		{"Backlog", -7, func(n int) { pool.Backlog(n) }},
		{"Resize", 0, func(n int) { p.Resize(n) }},
		{"Resize", -2, func(n int) { p.Resize(n) }},
		{"ChunkSize", 0, func(n int) { pool.ChunkSize(n) }},
		{"ChunkSize", -3, func(n int) { pool.ChunkSize(n) }},
		{"Buffer", 0, func(n int) { pool.Buffer(n) }},
		{"Buffer", -3, func(n int) { pool.Buffer(n) }},
	} {
		what := fmt.Sprintf("%s(%d)", c.call, c.value)
		err, ok := recovered(func() { c.bad(c.value) }).(error)
		if !ok || !errors.Is(err, pool.ErrValue) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s panicked with %v", what, err)
		}
	}
	if after := p.Stats(); after != before {
		t.Errorf("misuse changed the pool: %+v", after)
	}
}

func TestANilFunctionPanicsAndSaysWhere(t *testing.T) {
	p := newPool(t, 1)
	before := p.Stats()
	type fn = func(context.Context) (int, error)
	type each = func(context.Context, int) (int, error)
	item := func(context.Context, int) (int, error) { return 0, nil }
	one := slices.Values([]int{1})
	r := pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil })
	r.Wait()
	for call, bad := range map[string]func(){
		"Apply":                 func() { _, _ = pool.Apply(p, fn(nil)) },
		"ApplyAsync":            func() { pool.ApplyAsync(p, fn(nil)) },
		"TryApplyAsync":         func() { _, _ = pool.TryApplyAsync(p, fn(nil)) },
		"ApplyAsyncTimeout":     func() { _, _ = pool.ApplyAsyncTimeout(p, 1, fn(nil)) },
		"ApplyAsyncContext":     func() { _, _ = pool.ApplyAsyncContext(t.Context(), p, fn(nil)) },
		"Go":                    func() { _ = p.Go(nil) },
		"TryGo":                 func() { _ = p.TryGo(nil) },
		"GoTimeout":             func() { _ = p.GoTimeout(1, nil) },
		"GoContext":             func() { _ = p.GoContext(t.Context(), nil) },
		"Map":                   func() { _, _ = pool.Map(p, each(nil), []int{1}) },
		"Map of nothing":        func() { _, _ = pool.Map(p, each(nil), nil) },
		"MapAsync":              func() { pool.MapAsync(p, each(nil), []int{1}) },
		"IMap":                  func() { pool.IMap(p, each(nil), one) },
		"IMapUnordered":         func() { pool.IMapUnordered(p, each(nil), one) },
		"IMap, input":           func() { pool.IMap(p, item, nil) },
		"IMapUnordered, input":  func() { pool.IMapUnordered(p, item, nil) },
		"Callback":              func() { pool.Callback[int](nil) },
		"OnDone":                func() { r.OnDone(nil) },
		"Progress":              func() { pool.Progress(nil) },
		"Initializer":           func() { pool.Initializer(nil) },
		"WithContext":           func() { p.WithContext(nil) }, //lint:ignore SA1012 that is what is tested
		"OnDone before the end": func() { onDoneNil(t) },
	} {
		name, _, _ := strings.Cut(strings.ReplaceAll(call, ",", " "), " ")
		v := recovered(bad)
		if said := fmt.Sprint(v); v == nil || !strings.Contains(said, name) || !strings.Contains(said, "nil") {
			t.Errorf("%s panicked with %v", call, v)
		}
	}
	after := p.Stats()
	if before.Submitted+1 != after.Submitted || after.Queued != 0 {
		t.Errorf("misuse changed the pool: %+v", after)
	}
	p.Shutdown()
}

func onDoneNil(t *testing.T) {
	p := newPool(t, 1)
	g := occupyAll(t, p, 1)
	defer g.open()
	pool.ApplyAsync(p, func(context.Context) (int, error) { return 0, nil }).OnDone(nil)
}

func TestNewOfNoneHasAsManyWorkersAsProcessors(t *testing.T) {
	before := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(before)
	p := newPool(t, 0)
	if n := p.Workers(); n != 3 {
		t.Errorf("Workers() = %d with GOMAXPROCS 3", n)
	}
	if s := p.Stats(); s != (pool.Stats{Workers: 3}) {
		t.Errorf("%+v", s)
	}
}

func TestAllOptionsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
		defer cancel()
		initialized := 0
		p := newPool(t, 1, pool.Name("all"), pool.Backlog(3), pool.LIFO(), pool.Context(ctx),
			pool.Initializer(func() error { initialized++; return nil }))
		g := occupy(t, p, 1)
		var s sequence
		for i := range 3 {
			s.submit(p, i, i)
		}
		wantErr(t, "TryGo", p.TryGo(func(context.Context) error { return nil }), pool.ErrFull)
		g.open()
		v, err := pool.Apply(p, func(ctx context.Context) (any, error) { return ctx.Value(key{}), nil })
		if v != "v" || err != nil || initialized != 1 {
			t.Errorf("%v, %v, initialized %d times", v, err, initialized)
		}
		synctest.Wait()
		if !slices.Equal(s.ids, []int{2, 1, 0}) {
			t.Errorf("called %v", s.ids)
		}
		wantWorkers(t, "all", 1)
	})
}

func TestTheErrorsAreThoseTheyClaimToBe(t *testing.T) {
	if !errors.Is(pool.ErrTimeout, context.DeadlineExceeded) {
		t.Error("ErrTimeout is not context.DeadlineExceeded")
	}
	if timeout, ok := pool.ErrTimeout.(interface{ Timeout() bool }); !ok || !timeout.Timeout() {
		t.Error("ErrTimeout is no timeout to net.Error's users")
	}
	all := []error{
		pool.ErrClosed, pool.ErrTerminated, pool.ErrTimeout, pool.ErrCancelled, pool.ErrFull, pool.ErrGoexit,
		pool.ErrValue, pool.ErrRunning, pool.ErrJoinSelf, pool.ErrNotReady,
	}
	for i, a := range all {
		if a.Error() == "" {
			t.Errorf("error %d says nothing", i)
		}
		for j, b := range all {
			if i != j && errors.Is(a, b) {
				t.Errorf("%v is %v", a, b)
			}
		}
	}
	e := &pool.ItemError{Index: 3, Err: errTest}
	if !errors.Is(e, errTest) || !strings.Contains(e.Error(), "3") || !strings.Contains(e.Error(), errTest.Error()) {
		t.Errorf("%v", e)
	}
}
