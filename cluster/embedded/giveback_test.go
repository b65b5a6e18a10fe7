package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/gothreading/threading/cluster"
	"github.com/gothreading/threading/manager"
)

// A loan is something that a session holds and that is given back while that session ends.
type loan struct {
	name string
	// hold takes it, and returns what gives it back.
	hold func(t *testing.T, m *manager.Manager) (give func(ctx context.Context) error)
	// take takes it for another, as soon as the session is over. It returns what checks that the other has it still, though
	// a third asks for it, and gives it back. gave is what the one whose session ended was told, or nil if it waits.
	take func(t *testing.T, m *manager.Manager) (check func(t *testing.T, third *manager.Manager, gave *error))
	// waits says that the call goes on until the other has given it back.
	waits bool
}

var loans = []loan{
	{
		name: "a lock",
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			m.Lock("l").Lock()
			return m.Lock("l").UnlockContext
		},
		take: takeLock,
	},
	{
		name: "a lock that is handed on within the process",
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			m.Lock("l").Lock()
			next := make(chan error, 1)
			go func() {
				m.Lock("l").Lock()
				next <- m.Lock("l").UnlockContext(background)
			}()
			time.Sleep(20 * time.Millisecond) // until it waits; either order passes
			return func(ctx context.Context) error {
				return errors.Join(m.Lock("l").UnlockContext(ctx), <-next)
			}
		},
		take: takeLock, waits: true,
	},
	{
		name: "a reentrant lock",
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			return func(ctx context.Context) error { // of the goroutine that gives it back
				l := m.RLock("l")
				l.LockDepth(2)
				l.Unlock()
				return l.UnlockContext(ctx)
			}
		},
		take: func(t *testing.T, m *manager.Manager) func(*testing.T, *manager.Manager, *error) {
			held, free, freed := make(chan bool), make(chan struct{}), make(chan error)
			go func() { // the owner
				l := m.RLock("l")
				held <- l.LockTimeout(hang)
				<-free
				freed <- l.UnlockContext(background)
			}()
			if !<-held {
				t.Error("it is not free")
			}
			return func(t *testing.T, third *manager.Manager, _ *error) {
				if third.RLock("l").TryLock() {
					t.Error("two hold it")
				}
				close(free)
				if err := <-freed; err != nil {
					t.Error(err)
				}
			}
		},
		waits: true, // the first of its Txns is of Lock
	},
	permitsLoan("permits", func(m *manager.Manager) permitsOfThree { return m.Semaphore("s", 3) }, false),
	permitsLoan("bounded permits", func(m *manager.Manager) permitsOfThree { return m.BoundedSemaphore("s", 3) }, false),
	permitsLoan("permits one by one", func(m *manager.Manager) permitsOfThree { return m.Semaphore("s", 3) }, true),
	{
		name: "a term",
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			term, err := m.Election("e").Campaign(background, "own")
			if err != nil {
				t.Error(err)
				return nil
			}
			return term.Resign
		},
		take: func(t *testing.T, m *manager.Manager) func(*testing.T, *manager.Manager, *error) {
			term, err := m.Election("e").Campaign(within(t, hang), "far")
			if err != nil {
				t.Error("nobody leads, and it cannot:", err)
				return func(*testing.T, *manager.Manager, *error) {}
			}
			return func(t *testing.T, third *manager.Manager, _ *error) {
				if v, token, err := third.Election("e").Leader(background); v != "far" || token != term.Token() || err != nil {
					t.Error(v, token, err)
				}
				if err := term.Resign(background); err != nil {
					t.Error(err)
				}
			}
		},
	},
	{
		name: "a once that succeeded",
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			return func(ctx context.Context) error {
				ran := false
				err := m.Once("o").Do(ctx, func(context.Context, uint64) error { ran = true; return nil })
				if err == nil && !ran {
					err = manager.ErrLost // another has done it
				}
				return err
			}
		},
		take: takeOnce,
	},
	{
		name: "a once that failed",
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			return func(ctx context.Context) error {
				err := m.Once("o").Do(ctx, func(context.Context, uint64) error { return errAgain })
				if err == nil || errors.Is(err, errAgain) {
					err = manager.ErrLost // it has not done it
				}
				return err
			}
		},
		take: takeOnce,
	},
	claimLoan("a claim that is acknowledged", func(t *testing.T, q *manager.Queue[int]) func(context.Context) error {
		c, err := q.Claim()
		if err != nil {
			t.Error(err)
			return nil
		}
		return c.Ack
	}, true),
	claimLoan("a claim that is given back", func(t *testing.T, q *manager.Queue[int]) func(context.Context) error {
		c, err := q.Claim()
		if err != nil {
			t.Error(err)
			return nil
		}
		return func(ctx context.Context) error { return c.Nack(ctx, 0) }
	}, false),
	claimLoan("an item that is done", func(t *testing.T, q *manager.Queue[int]) func(context.Context) error {
		if _, err := q.Get(); err != nil {
			t.Error(err)
		}
		return q.TaskDoneContext
	}, true),
	{
		name: "the lock of a condition",
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			c := m.Condition("c", m.Lock("l"))
			m.Lock("l").Lock()
			return func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				err := c.WaitContext(ctx)
				if errors.Is(err, context.DeadlineExceeded) {
					err = nil
				}
				return errors.Join(err, m.Lock("l").UnlockContext(background))
			}
		},
		take: takeLock, waits: true,
	},
}

var errAgain = errors.New("not this time")

func takeLock(t *testing.T, m *manager.Manager) func(*testing.T, *manager.Manager, *error) {
	l := m.Lock("l")
	if !l.LockTimeout(hang) {
		t.Error("it is not free")
	}
	return func(t *testing.T, third *manager.Manager, _ *error) {
		if third.Lock("l").TryLock() {
			t.Error("two hold it")
		}
		if err := l.UnlockContext(background); err != nil {
			t.Error(err)
		}
	}
}

type permitsOfThree interface {
	AcquireNContext(ctx context.Context, n int) error
	ReleaseContext(ctx context.Context) error
	ReleaseNContext(ctx context.Context, n int) error
	TryAcquire() bool
	Value() int
}

func permitsLoan(name string, of func(*manager.Manager) permitsOfThree, single bool) loan {
	return loan{
		name: name,
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			s := of(m)
			for _, n := range []int{1, 2} {
				if err := s.AcquireNContext(background, n); err != nil {
					t.Error(err)
				}
			}
			if !single {
				return func(ctx context.Context) error { return s.ReleaseNContext(ctx, 3) }
			}
			return func(ctx context.Context) error {
				return errors.Join(s.ReleaseContext(ctx), s.ReleaseContext(ctx), s.ReleaseContext(ctx))
			}
		},
		take: func(t *testing.T, m *manager.Manager) func(*testing.T, *manager.Manager, *error) {
			s := of(m)
			if err := s.AcquireNContext(within(t, hang), 3); err != nil {
				t.Error("they are not free:", err)
			}
			return func(t *testing.T, third *manager.Manager, _ *error) {
				if of(third).TryAcquire() {
					t.Error("a permit was forged")
				}
				if err := s.ReleaseNContext(background, 3); err != nil {
					t.Error(err)
				}
				if n := of(third).Value(); n != 3 {
					t.Errorf("%d permits of 3", n)
				}
			}
		},
	}
}

// A once is done when some Do has returned nil, and not before.
func takeOnce(t *testing.T, m *manager.Manager) func(*testing.T, *manager.Manager, *error) {
	ran := false
	if err := m.Once("o").Do(within(t, hang), func(context.Context, uint64) error { ran = true; return nil }); err != nil {
		t.Error(err)
	}
	return func(t *testing.T, third *manager.Manager, gave *error) {
		if *gave == nil && ran {
			t.Error("it was done twice")
		}
		if err := third.Once("o").Do(background, func(context.Context, uint64) error { t.Error("it was done before"); return nil }); err != nil {
			t.Error(err)
		}
	}
}

// An item is acknowledged once: by who is told so, or by the next that claims it.
func claimLoan(name string, claim func(*testing.T, *manager.Queue[int]) func(context.Context) error, acks bool) loan {
	queue := func(m *manager.Manager) *manager.Queue[int] {
		return manager.NewQueue[int](m, "q", 0, manager.Joinable())
	}
	return loan{
		name: name,
		hold: func(t *testing.T, m *manager.Manager) func(context.Context) error {
			if err := queue(m).Put(7); err != nil {
				t.Error(err)
			}
			return claim(t, queue(m))
		},
		take: func(t *testing.T, m *manager.Manager) func(*testing.T, *manager.Manager, *error) {
			q := queue(m)
			var c *manager.Claim[int]
			for ctx := within(t, hang); c == nil && q.Unfinished() > 0 && ctx.Err() == nil; {
				c, _ = q.ClaimTimeout(10 * time.Millisecond)
			}
			return func(t *testing.T, third *manager.Manager, gave *error) {
				switch {
				case c == nil && !acks:
					t.Error("it is gone")
				case c == nil && *gave != nil && !errors.Is(*gave, manager.ErrUnknown) && !errors.Is(*gave, manager.ErrLost):
					t.Error("it is gone, and its ack said", *gave)
				case c != nil && acks && *gave == nil:
					t.Error("acknowledged, and there again")
				}
				if n := queue(third).Unfinished(); (n == 1) != (c != nil) {
					t.Error(n, "unfinished")
				}
				if c != nil {
					if err := c.Ack(background); err != nil {
						t.Error("another has acknowledged it:", err)
					}
				}
				if n := queue(third).Unfinished(); n != 0 {
					t.Error(n, "unfinished")
				}
			}
		},
	}
}

// What becomes of a Txn under which its session ends, which over ends, and whereupon another takes what was held.
var ends = map[string]func(over func(), deliver *func()) func(context.Context, sending) (*clientv3.TxnResponse, error){
	"before it arrives": func(over func(), _ *func()) func(context.Context, sending) (*clientv3.TxnResponse, error) {
		return func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			over()
			return send(ctx)
		}
	},
	"and it never arrives": func(over func(), _ *func()) func(context.Context, sending) (*clientv3.TxnResponse, error) {
		return dropped(over)
	},
	"after it, unanswered": func(over func(), _ *func()) func(context.Context, sending) (*clientv3.TxnResponse, error) {
		return unanswered(over)
	},
	"after it, answered": func(over func(), _ *func()) func(context.Context, sending) (*clientv3.TxnResponse, error) {
		return func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			resp, err := send(ctx)
			over()
			return resp, err
		}
	},
	"and it arrives late": func(over func(), deliver *func()) func(context.Context, sending) (*clientv3.TxnResponse, error) {
		return func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
			defer over()
			return late(deliver)(ctx, send)
		}
	},
}

// A session ends under the call that gives back what it held: at each Txn of that call, in each way. Then another takes
// it, and nothing that the call still does touches that one; what the session lost is not given back once more by a call
// of the next session.
func TestASessionEndsUnderWhatGivesBack(t *testing.T) {
	addr := served(t)
	for _, l := range loans {
		t.Run(l.name, func(t *testing.T) {
			txns := int64(0)
			t.Run("rehearsal", func(t *testing.T) {
				s := &script{}
				own := faulty(t, addr, s.fault)
				give := l.hold(t, own)
				before := s.sent.Load()
				if err := give(background); err != nil && l.name != "a once that failed" {
					t.Fatal(err)
				}
				txns = s.sent.Load() - before
			})
			for at := range txns {
				for how, end := range ends {
					t.Run(fmt.Sprintf("txn %d of %d, %s", at+1, txns, how), func(t *testing.T) {
						s := &script{}
						own := faulty(t, addr, s.fault)
						far, third := faulty(t, addr, nil), faulty(t, addr, nil)
						give := l.hold(t, own)
						var check func(*testing.T, *manager.Manager, *error)
						taken := make(chan struct{})
						over := func() {
							defer close(taken)
							revokeOldest(t, addr)
							check = l.take(t, far)
						}
						deliver := func() {}
						for range at {
							s.next(asIs)
						}
						s.next(end(over, &deliver))
						gave := make(chan error, 1)
						go func() { gave <- give(background) }()
						select {
						case <-taken:
						case <-time.After(hang):
							t.Fatal("the script is not over")
						}
						var err error
						told := func() {
							err = <-gave
							if err != nil && !errors.Is(err, manager.ErrLost) && !errors.Is(err, manager.ErrUnknown) {
								t.Error(err)
							}
						}
						if !l.waits {
							told()
						}
						deliver()
						check(t, third, &err)
						if l.waits {
							told()
						}
						// All is as it was, and the next session holds it and gives it back.
						if again := l.hold(t, own); again != nil {
							if err := again(background); err != nil && !errors.Is(err, manager.ErrLost) {
								t.Error("the next session:", err)
							}
						}
						again := manager.ErrLost
						l.take(t, far)(t, third, &again)
					})
				}
			}
		})
	}
}

func clusterOf(t testing.TB, m *manager.Manager) *cluster.Cluster {
	t.Helper()
	c, err := cluster.From(m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A task whose worker's session ends just when it has returned: its result is stored once, by the attempt that others see.
func TestASessionEndsUnderTheEndOfATask(t *testing.T) {
	addr := served(t)
	for how, end := range ends {
		t.Run(how, func(t *testing.T) {
			s := &script{}
			own, far := clusterOf(t, faulty(t, addr, s.fault)), clusterOf(t, faulty(t, addr, nil))
			w := world2{t, ""}
			var runs atomic.Int32
			deliver := func() {}
			over := make(chan struct{})
			name := hook(t, func(ctx context.Context, in string) (string, error) {
				if runs.Add(1) == 1 {
					s.next(end(func() { defer close(over); revokeOldest(t, addr) }, &deliver))
				}
				return fmt.Sprint("attempt ", cluster.Info(ctx).Attempt), nil
			})
			stop := w.work(own.Pool("p"), 1)
			r, err := cluster.ApplyAsync(background, far.Pool("p"), call, name)
			w.ok(err)
			<-over
			_ = stop()
			deliver()
			w.work(far.Pool("p"), 1)
			got, err := r.Get(within(t, hang))
			if want := fmt.Sprint("attempt ", runs.Load()); got != want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
			if st, err := far.Pool("p").Stats(background); st.Running+st.Queued+st.Delayed+st.Dead != 0 || err != nil {
				t.Errorf("%+v, %v", st, err)
			}
		})
	}
}

// Two workers want one task, and one of them is slow; or it is not answered.
func TestATaskIsClaimedOnce(t *testing.T) {
	addr := served(t)
	for how, answered := range map[string]bool{"answered": true, "unanswered": false} {
		for faster, want := range map[bool]int32{true: 2, false: 1} { // another worker has the first task, or none
			t.Run(fmt.Sprint(how, ", another is faster: ", faster), func(t *testing.T) {
				s := &script{}
				own, far := clusterOf(t, faulty(t, addr, s.fault)), clusterOf(t, faulty(t, addr, nil))
				w := world2{t, ""}
				var runs atomic.Int32
				name := hook(t, func(context.Context, string) (string, error) { return fmt.Sprint("run ", runs.Add(1)), nil })
				first, err := cluster.ApplyAsync(background, far.Pool("p"), call, name)
				w.ok(err)
				// The Work's key, and then the claim.
				s.next(asIs, func(ctx context.Context, send sending) (*clientv3.TxnResponse, error) {
					if faster {
						stop := w.work(far.Pool("p"), 1)
						if got, err := first.Get(within(t, hang)); got != "run 1" || err != nil {
							t.Error(got, err)
						}
						_ = stop()
					}
					resp, err := send(ctx)
					if !answered {
						return nil, errLine
					}
					return resp, err
				})
				w.work(own.Pool("p"), 1)
				if got, err := first.Get(within(t, hang)); got != "run 1" || err != nil {
					t.Error(got, err)
				}
				if want > 1 {
					second, err := cluster.ApplyAsync(background, far.Pool("p"), call, name)
					w.ok(err)
					if got, err := second.Get(within(t, hang)); got != "run 2" || err != nil {
						t.Error(got, err)
					}
				}
				if n := runs.Load(); n != want {
					t.Errorf("%d runs, want %d", n, want)
				}
			})
		}
	}
}
