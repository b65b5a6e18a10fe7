package etcd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/barrier"
	"github.com/gothreading/threading/internal/backend"
)

// A barrierRef is a barrier. The key s has its state, with those who have arrived in order, so each arrival is one step
// from one state to the next, and the last one decides the generation in the step in which it arrives. Each party that
// waits has a key of its own under g/, leased: one that is gone while the barrier still counts on it has died.
//
// The outcome of a generation has its own key, o/GENERATION, because a slow party may look when the barrier is two
// generations on.
type barrierRef struct{ *ref }

type barrierState struct {
	Generation uint64
	Mode       string // "": parties arrive; "running": the last one's action runs; "broken"
	Arrived    []string
}

// A barrierOutcome is Arrived in order, or nothing for a broken generation.
type barrierOutcome struct{ Parties []string }

const outcomesKept = 64

// Barrier returns a barrier.
func (b *Backend) Barrier(spec backend.Spec) backend.Barrier { return &barrierRef{b.ref(spec)} }

func (r *barrierRef) stateKey() string { return r.prefix + "s" }

func (r *barrierRef) outcomeKey(g uint64) string {
	return r.prefix + "o/" + strconv.FormatUint(g, 10)
}

// A barrierView is a state with its revision.
type barrierView struct {
	barrierState
	mod int64
}

// viewOf returns the state of a barrier. One that counts on the dead is broken, whoever finds that out.
func (r *barrierRef) viewOf(state *mvccpb.KeyValue, parties map[string]*mvccpb.KeyValue) (v barrierView, died bool) {
	if state != nil {
		_ = json.Unmarshal(state.Value, &v.barrierState)
		v.mod = state.ModRevision
	}
	counts := v.Arrived
	if v.Mode == "running" { // decided: only whose action it is can break it
		counts = counts[len(counts)-1:]
	}
	for _, key := range counts {
		died = died || parties[key] == nil
	}
	return v, died
}

func (r *barrierRef) look(ctx context.Context) (v barrierView, died bool, err error) {
	reads, _, err := r.read(ctx, clientv3.OpGet(r.stateKey()), clientv3.OpGet(r.prefix+"g/", clientv3.WithPrefix()))
	if err != nil {
		return v, false, err
	}
	v, died = r.viewOf(first(reads[0]), kvsByName(kvsOf(reads[1])))
	return v, died, nil
}

// step goes from v to next, with what else belongs to the step, and reports whether that was done.
func (r *barrierRef) step(s *session, m *meta, v barrierView, next barrierState, then ...clientv3.Op) (bool, error) {
	data, _ := json.Marshal(next)
	out, err := s.exact(txn{
		meta: m, lane: s.lane("b" + url.PathEscape(r.prefix)),
		conds: []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(r.stateKey()), "=", v.mod)},
		then:  append([]clientv3.Op{clientv3.OpPut(r.stateKey(), string(data))}, then...),
	})
	return out.applied, err
}

// ending are the ops that end v's generation with an outcome.
func (r *barrierRef) ending(v barrierView, o barrierOutcome) []clientv3.Op {
	data, _ := json.Marshal(o)
	ops := []clientv3.Op{clientv3.OpPut(r.outcomeKey(v.Generation), string(data)), clientv3.OpDelete(r.prefix+"g/", clientv3.WithPrefix())}
	if v.Generation >= outcomesKept {
		ops = append(ops, clientv3.OpDelete(r.outcomeKey(v.Generation-outcomesKept)))
	}
	return ops
}

// smash breaks the generation of v.
func (r *barrierRef) smash(s *session, m *meta, v barrierView) (bool, error) {
	return r.step(s, m, v, barrierState{Generation: v.Generation, Mode: "broken"}, r.ending(v, barrierOutcome{})...)
}

func (r *barrierRef) broken() error { return fmt.Errorf("%w: %s", barrier.ErrBroken, r.spec) }

func (r *barrierRef) Wait(w backend.Wait, action func()) (int, error) {
	if r.b.Closed() {
		return -1, backend.ErrClosed
	}
	over := w.Over()
	l := r.b.limit(w)
	if over { // it may be the last
		l.stop()
		l = r.b.limit(backend.Wait{Try: true})
	}
	defer l.stop()
	a, err := r.arrive(l, over || w.Try, action)
	if err != nil {
		return -1, err
	}
	if a.last {
		return a.index, r.act(a, action)
	}
	return r.await(l, a)
}

// An arrival is a party that has arrived.
type arrival struct {
	s     *session
	m     *meta
	key   string
	v     barrierView // after it
	index int
	last  bool
}

// arrive arrives, once no action runs. A party that will not wait breaks the barrier unless it is the last.
func (r *barrierRef) arrive(l limit, hasty bool, action func()) (*arrival, error) {
	m := r.b.mirror(r.prefix)
	defer m.done()
	for {
		var (
			seen   barrierView
			broken bool
		)
		a, err := detach(r.b, l.ask, func() (a *arrival, err error) {
			err = r.with(l.ask, func(s *session, meta *meta) error {
				for {
					v, died, err := r.look(l.ask)
					if err != nil {
						return err
					}
					seen, broken = v, v.Mode == "broken"
					switch {
					case broken:
						return nil
					case died, hasty && v.Mode == "" && len(v.Arrived) < r.spec.N-1:
						_, err := r.smash(s, meta, v)
						if err != nil {
							return err
						}
						if !died {
							return backend.ErrGaveUp
						}
						continue
					case v.Mode == "running":
						return nil
					}
					a = &arrival{s: s, m: meta, key: s.fresh(r.prefix + "g/"), index: len(v.Arrived)}
					a.last = len(v.Arrived) == r.spec.N-1
					next := barrierState{Generation: v.Generation, Arrived: append(slices.Clone(v.Arrived), a.key)}
					then := []clientv3.Op{clientv3.OpPut(a.key, stamp(nil), clientv3.WithLease(s.lease))}
					if a.last {
						if action == nil {
							then = r.ending(v, barrierOutcome{next.Arrived})
							next = barrierState{Generation: v.Generation + 1}
						} else {
							next.Mode = "running"
						}
					}
					done, err := r.step(s, meta, v, next, then...)
					if err != nil {
						return err
					}
					if done {
						a.v = barrierView{barrierState: next}
						return nil
					}
					a = nil
				}
			})
			return a, err
		}, func(a *arrival) {
			if a != nil && !(a.last && action == nil) {
				r.breakUp(a)
			}
		})
		switch {
		case err == errLeft || err == backend.ErrGaveUp:
			return nil, r.b.gaveUp()
		case err != nil:
			return nil, r.left(err, l)
		case broken:
			return nil, r.broken()
		case a != nil:
			return a, nil
		}
		err = m.await(l.wait, nil, 0, func(state map[string]*mvccpb.KeyValue) bool {
			v, died := r.viewOf(state[r.stateKey()], state)
			return v.mod > seen.mod || died
		})
		if err != nil { // of the time of the action before: then it breaks the generation that it would have been in
			hasty = true
			if r.b.Closed() {
				return nil, backend.ErrClosed
			}
			return nil, r.b.gaveUp()
		}
	}
}

// act runs the action and lets the others go.
func (r *barrierRef) act(a *arrival, action func()) error {
	if action == nil {
		return nil
	}
	returned := false
	defer func() {
		if !returned {
			r.breakUp(a)
		}
	}()
	action()
	returned = true
	_, err := detach(r.b, r.b.life, func() (struct{}, error) {
		for {
			v, _, err := r.look(r.b.life)
			if err != nil {
				return struct{}{}, err
			}
			if v.Generation != a.v.Generation || v.Mode != "running" {
				return struct{}{}, r.broken() // meanwhile
			}
			done, err := r.step(a.s, a.m, v, barrierState{Generation: v.Generation + 1}, r.ending(v, barrierOutcome{v.Arrived})...)
			if err != nil || done {
				return struct{}{}, err
			}
		}
	}, nil)
	return err
}

// await waits for the outcome of the generation.
func (r *barrierRef) await(l limit, a *arrival) (int, error) {
	m := r.b.mirror(r.prefix)
	defer m.done()
	var outcome *mvccpb.KeyValue
	died := false
	decided := func(state map[string]*mvccpb.KeyValue) bool {
		v, dead := r.viewOf(state[r.stateKey()], state)
		outcome = state[r.outcomeKey(a.v.Generation)]
		died = dead && v.Generation == a.v.Generation && slices.Contains(v.Arrived, a.key)
		return outcome != nil || died || v.Generation > a.v.Generation+outcomesKept
	}
	err := m.await(l.wait, a.s, 0, func(state map[string]*mvccpb.KeyValue) bool {
		v, _ := r.viewOf(state[r.stateKey()], state)
		known := v.Generation > a.v.Generation || slices.Contains(v.Arrived, a.key) || v.Mode == "broken"
		return known && decided(state)
	})
	switch {
	case a.s.ended() != nil:
		return -1, a.s.ended()
	case err == nil && outcome != nil:
		return r.outcome(a, outcome)
	}
	// It gives up, or one of the others has died.
	out, broke := r.breakUp(a)
	switch {
	case out != nil:
		return r.outcome(a, out)
	case a.s.ended() != nil:
		return -1, a.s.ended()
	case broke && err != nil:
		return -1, r.b.gaveUp()
	}
	return -1, r.broken()
}

func (r *barrierRef) outcome(a *arrival, kv *mvccpb.KeyValue) (int, error) {
	var o barrierOutcome
	_ = json.Unmarshal(kv.Value, &o)
	if i := slices.Index(o.Parties, a.key); i >= 0 {
		return i, nil
	}
	return -1, r.broken()
}

// breakUp breaks the generation of a unless it was decided, and returns the outcome if it was.
func (r *barrierRef) breakUp(a *arrival) (outcome *mvccpb.KeyValue, broke bool) {
	type result struct {
		outcome *mvccpb.KeyValue
		broke   bool
	}
	got, _ := detach(r.b, r.b.life, func() (result, error) {
		for a.s.alive() {
			v, _, err := r.look(r.b.life)
			if err != nil {
				return result{}, err
			}
			if v.Generation != a.v.Generation || v.Mode == "broken" || v.Mode == "running" && !last(v.Arrived, a.key) {
				kv, err := r.b.get(r.b.life, r.outcomeKey(a.v.Generation))
				if err == nil && kv == nil && v.Mode == "running" {
					// Decided, and the action runs.
					kv, err = r.decided(a)
				}
				return result{kv, false}, err
			}
			if done, err := r.smash(a.s, a.m, v); err != nil || done {
				return result{nil, done}, err
			}
		}
		return result{}, a.s.ended()
	}, nil)
	return got.outcome, got.broke
}

func last(arrived []string, key string) bool {
	return len(arrived) > 0 && arrived[len(arrived)-1] == key
}

// decided waits for the outcome of a generation that is decided: nobody's time breaks it any more, but a death does.
func (r *barrierRef) decided(a *arrival) (*mvccpb.KeyValue, error) {
	m := r.b.mirror(r.prefix)
	defer m.done()
	var outcome *mvccpb.KeyValue
	for {
		died := false
		err := m.await(r.b.life, a.s, 0, func(state map[string]*mvccpb.KeyValue) bool {
			outcome = state[r.outcomeKey(a.v.Generation)]
			v, dead := r.viewOf(state[r.stateKey()], state)
			died = dead && v.Generation == a.v.Generation
			return outcome != nil || died
		})
		if err != nil || outcome != nil {
			return outcome, err
		}
		v, dead, err := r.look(r.b.life)
		if err != nil {
			return nil, err
		}
		if dead && v.Generation == a.v.Generation {
			if _, err := r.smash(a.s, a.m, v); err != nil {
				return nil, err
			}
		}
	}
}

func (r *barrierRef) Reset(ctx context.Context) error {
	return r.force(ctx, func(v barrierView) barrierState { return barrierState{Generation: v.Generation + 1} })
}

func (r *barrierRef) Abort(ctx context.Context) error {
	return r.force(ctx, func(v barrierView) barrierState { return barrierState{Generation: v.Generation, Mode: "broken"} })
}

func (r *barrierRef) force(ctx context.Context, to func(barrierView) barrierState) error {
	return r.write(ctx, func(s *session, m *meta) error {
		for {
			v, _, err := r.look(r.b.life)
			if err != nil {
				return err
			}
			done, err := r.step(s, m, v, to(v), r.ending(v, barrierOutcome{})...)
			if err != nil || done {
				return err
			}
		}
	})
}

func (r *barrierRef) State(ctx context.Context) (waiting int, broken bool, err error) {
	v, died, err := r.look(ctx)
	if err != nil || died || v.Mode == "broken" {
		return 0, err == nil, err
	}
	return len(v.Arrived), false, nil
}
