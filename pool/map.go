package pool

import (
	"context"
	"math"
)

// Map calls fn for each item in workers, waits until all that was started has
// returned, and returns the values in the order of the items. If any failed, the
// error is a *MapError with the error of each. The slice always has as many
// elements as items; where fn was not called, or panicked, it has the zero value.
//
// Items are started in order. One that fails keeps no other from being called,
// unless [FailFast] is given, and one that is slow holds up no other while a
// worker is idle, unless [ChunkSize] is. After every part the Map goes back
// behind what else waits at its priority, so that a long one does not keep later
// work waiting.
//
// If p is closed or terminated, or its context has ended, the error is ErrClosed,
// ErrTerminated or the cause. If that happens on the way, items that were not
// started are dropped, and the error is the reason, joined with the *MapError of
// those that failed.
//
// For a function without a value use [ForEach]; for results one by one, as they
// come, [IMap]. Several arguments are one struct.
func Map[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items []In, opts ...MapOption,
) ([]Out, error) {
	needed(fn != nil, "func", "Map")
	return startMap(p, fn, items, opts, false).Get()
}

// MapAsync is like Map but returns the Result at once, or, if the pool has a
// Backlog, as soon as there is room. The items must not be changed before it is
// ready.
func MapAsync[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items []In, opts ...MapOption,
) *Result[[]Out] {
	needed(fn != nil, "func", "MapAsync")
	return startMap(p, fn, items, opts, true)
}

// ForEach is like Map for a function without a value. It makes no slice.
func ForEach[In any](p *Pool, fn func(context.Context, In) error, items []In, opts ...MapOption) error {
	needed(fn != nil, "func", "ForEach")
	_, err := startMap(p, Unit(fn), items, opts, false).Get() // a slice of empty structs takes no memory
	return err
}

func startMap[In, Out any](
	p *Pool, fn func(context.Context, In) (Out, error), items []In, opts []MapOption, async bool,
) *Result[[]Out] {
	choices := choose(opts)
	n := len(items)
	m := &mapping[In, Out]{
		fn: fn, items: items, chunk: choices.chunk, failFast: choices.failFast, progress: newProgress(choices.progress, n),
		least: choices.least,
	}
	if m.chunk > 0 {
		m.chunk = min(max(m.chunk, n/math.MaxInt32+1), maxPart) // so that the chunks can be counted
	}
	m.result.value = make([]Out, n)
	t := &m.result.task
	p.prepare(t, m, 0)
	m.count()
	switch {
	case !async:
		t.flags |= told
	case p.domain.scope != nil:
		t.flags |= told | fails
	}
	var err error
	if n == 0 {
		err = p.refusal()
	} else {
		err = p.submit(&submission{entry: &t.entry}, math.MaxInt64)
	}
	if err != nil || n == 0 {
		t.reject(err)
	}
	return &m.result
}
