package local

import (
	"context"
	"iter"

	"github.com/gothreading/threading/event"
	"github.com/gothreading/threading/internal/backend"
)

// A watcher is a Watch of a table: which keys have changed since it last looked. It keeps no values, so one that is slow
// costs what its keys cost, and not even that beyond mostPending: then it looks at everything again.
type watcher struct {
	dirty event.Event // set when there is something to see

	// Under the guard of the table.
	pending []change
	latest  map[string]uint64 // the revision of the last change that is pending
	missed  bool              // too many were
}

// A change is one that a watcher has not seen. It is stale if a later one of the same key is pending.
type change struct {
	key string
	rev uint64
}

const mostPending = 4096

// tell notes a change for all watchers, under the guard.
func (o *tableObject) tell(key string, rev uint64) {
	for w := range o.watchers {
		w.note(key, rev)
	}
}

func (w *watcher) note(key string, rev uint64) {
	w.dirty.Set()
	if w.missed {
		return
	}
	w.latest[key] = rev
	if len(w.latest) > mostPending {
		w.pending, w.latest, w.missed = nil, nil, true
		return
	}
	if len(w.pending) >= 2*mostPending { // so half of them, at least, is stale
		kept := w.pending[:0]
		for _, c := range w.pending {
			if w.latest[c.key] == c.rev {
				kept = append(kept, c)
			}
		}
		w.pending = kept
	}
	w.pending = append(w.pending, change{key, rev})
}

// next returns the next change, under the guard.
func (w *watcher) next(o *tableObject) (c backend.Change, ok bool) {
	for len(w.pending) > 0 {
		p := w.pending[0]
		w.pending[0] = change{}
		w.pending = w.pending[1:]
		if w.latest[p.key] != p.rev {
			continue
		}
		delete(w.latest, p.key)
		c.Key = []byte(p.key)
		if c.Cell = o.get(c.Key); c.Rev == 0 {
			c.Rev, c.Deleted = p.rev, true
		}
		return c, true
	}
	w.pending = nil
	return c, false
}

// look returns, if that is what w has to begin with, everything, and else the next change.
func (w *watcher) look(o *tableObject) (everything []backend.Pair, afresh bool, c backend.Change, ok bool) {
	o.guard.Lock()
	defer o.guard.Unlock()
	if w.missed {
		w.missed, w.latest = false, make(map[string]uint64)
		return o.pairs(), true, c, false
	}
	c, ok = w.next(o)
	return nil, false, c, ok
}

func (r *tableRef) Watch(ctx context.Context) iter.Seq2[backend.Change, error] {
	return func(yield func(backend.Change, error) bool) {
		_, entered, err := r.enterFor(ctx)
		if err != nil {
			yield(backend.Change{}, err)
			return
		}
		defer entered.common().leave()
		o := entered.(*tableObject)
		w := &watcher{missed: true}
		o.guard.Lock()
		o.watchers[w] = struct{}{}
		o.guard.Unlock()
		defer func() {
			o.guard.Lock()
			defer o.guard.Unlock()
			delete(o.watchers, w)
		}()
		for first := true; ; first = false {
			w.dirty.Clear() // before the look: what changes after it sets dirty again
			everything, afresh, c, ok := w.look(o)
			switch {
			case afresh:
				if !first && !yield(backend.Change{Resync: true}, nil) {
					return
				}
				for _, p := range sorted(everything) {
					if backend.Ended(ctx) {
						break // which await will tell
					}
					if !yield(backend.Change{Pair: p}, nil) {
						return
					}
				}
				w.dirty.Set() // for what came meanwhile
			case ok:
				if !yield(c, nil) {
					return
				}
				w.dirty.Set()
			}
			if err := r.client.await(ctx, &o.base, &w.dirty); err != nil {
				yield(backend.Change{}, err)
				return
			}
		}
	}
}
