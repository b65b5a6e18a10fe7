package pool_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/pool"
	"github.com/gothreading/threading/thread"
)

// Main waits for what a pool has accepted, whatever it is and however the pool was left; and not for its workers.
func TestMainWaitsForTheWorkOfAPool(t *testing.T) {
	slow := func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }
	for name, c := range map[string]struct {
		opts  []pool.Option
		fill  func(t *testing.T, p *pool.Pool, note func(string))
		takes time.Duration
		notes []string
	}{
		"nothing":     {nil, func(*testing.T, *pool.Pool, func(string)) {}, 0, nil},
		"idle":        {nil, func(_ *testing.T, p *pool.Pool, _ func(string)) { _, _ = pool.Apply(p, slow) }, 0, nil},
		"running":     {nil, func(_ *testing.T, p *pool.Pool, _ func(string)) { pool.ApplyAsync(p, slow) }, time.Second, nil},
		"four queued": {nil, func(_ *testing.T, p *pool.Pool, _ func(string)) { many(p, 4, slow) }, 4 * time.Second, nil},
		"closed": {nil, func(_ *testing.T, p *pool.Pool, _ func(string)) {
			many(p, 2, slow)
			p.Close()
		}, 2 * time.Second, nil},
		"terminated": {nil, func(_ *testing.T, p *pool.Pool, _ func(string)) {
			many(p, 2, slow)
			synctest.Wait()
			p.Terminate()
		}, time.Second, nil},
		"Unlimited": {[]pool.Option{pool.KeepAlive(0)}, func(_ *testing.T, p *pool.Pool, _ func(string)) {
			p.Resize(pool.Unlimited)
			many(p, 4, slow)
		}, time.Second, nil},
		"Go": {nil, func(_ *testing.T, p *pool.Pool, note func(string)) {
			_ = p.Go(func(context.Context) error { time.Sleep(time.Second); note("Go"); return nil })
		}, time.Second, []string{"Go"}},
		"a Map": {nil, func(_ *testing.T, p *pool.Pool, _ func(string)) {
			pool.MapAsync(p, func(context.Context, int) (int, error) { time.Sleep(time.Second); return 0, nil }, upTo(3))
		}, 3 * time.Second, nil},
		"callbacks": {nil, func(_ *testing.T, p *pool.Pool, note func(string)) {
			r := pool.ApplyAsync(p, slow, pool.Callback(func(int, error) { time.Sleep(time.Second); note("callback") }))
			r.OnDone(func(int, error) { time.Sleep(time.Second); note("done") })
		}, 3 * time.Second, []string{"callback", "done"}},
		"the callback of one that was dropped": {nil, func(t *testing.T, p *pool.Pool, note func(string)) {
			g := occupy(t, p, 1)
			pool.ApplyAsync(p, slow, pool.Callback(func(int, error) { time.Sleep(time.Second); note("callback") })).Cancel()
			g.open()
		}, time.Second, []string{"callback"}},
		"tasks that submit tasks": {nil, func(_ *testing.T, p *pool.Pool, note func(string)) {
			_ = p.Go(func(context.Context) error {
				time.Sleep(time.Second)
				return p.Go(func(context.Context) error { time.Sleep(time.Second); note("inner"); return nil })
			})
		}, 2 * time.Second, []string{"inner"}},
		"a daemon": {[]pool.Option{pool.Daemon(true)}, func(_ *testing.T, p *pool.Pool, _ func(string)) { many(p, 4, slow) }, 0, nil},
		"no daemon": {[]pool.Option{pool.Daemon(true), pool.Daemon(false)}, func(_ *testing.T, p *pool.Pool, _ func(string)) {
			pool.ApplyAsync(p, slow)
		}, time.Second, nil},
	} {
		inBubble(t, name, func(t *testing.T) {
			p := newPool(t, 1, c.opts...)
			var notes []string
			var began time.Time
			thread.Main(func() {
				c.fill(t, p, func(s string) { notes = append(notes, s) })
				began = time.Now()
			})
			if took := time.Since(began); took != c.takes || !slices.Equal(notes, c.notes) {
				t.Errorf("Main waited %v, and %q was done; want %v and %q", took, notes, c.takes, c.notes)
			}
		})
	}
}

func many(p *pool.Pool, n int, fn func(context.Context) (int, error)) {
	for range n {
		pool.ApplyAsync(p, fn)
	}
}

// What begins while Main waits is waited for: a thread gives a pool work, a task of one pool gives another one work.
func TestMainWaitsForWhatBeginsMeanwhile(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		first, second := newPool(t, 1), newPool(t, 1)
		began := time.Now()
		done := false
		thread.Main(func() {
			thread.Go(func() {
				time.Sleep(time.Second)
				_ = first.Go(func(context.Context) error {
					time.Sleep(time.Second)
					return second.Go(func(context.Context) error { time.Sleep(time.Second); done = true; return nil })
				})
			}, thread.Daemon(false))
		})
		if took := time.Since(began); took != 3*time.Second || !done {
			t.Errorf("Main waited %v, all is done: %t; want 3s", took, done)
		}
	})
}

// A pool is registered as long as it has workers, and can be used and left for Main to wait again and again.
func TestMainWaitsForAPoolAgainAndAgain(t *testing.T) {
	inBubble(t, "", func(t *testing.T) {
		for _, opts := range [][]pool.Option{nil, {pool.KeepAlive(0)}, {pool.KeepAlive(time.Minute)}} {
			p := newPool(t, 2, opts...)
			for range 3 {
				began := time.Now()
				thread.Main(func() {
					many(p, 3, func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil })
				})
				if took := time.Since(began); took != 2*time.Second {
					t.Errorf("Main waited %v, want 2s", took)
				}
			}
		}
	})
}
