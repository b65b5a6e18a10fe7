// Package managertest holds the tests that the objects of package manager have to pass on every backend. They are cases
// of one suite, which the tests of package manager run on "mem:" and "unix:", and those of package cluster on etcd. It
// is imported by tests only.
//
// One call runs the suite:
//
//	func TestSuite(t *testing.T) {
//		managertest.Run(t, managertest.World{
//			Open: func(t testing.TB, opts ...manager.Option) *manager.Manager {
//				m, err := manager.Open(context.Background(), addr, opts...)
//				if err != nil {
//					t.Fatal(err)
//				}
//				return m
//			},
//			MaxValue: 1 << 20,
//		})
//	}
//
// Every run of a case has names of its own, so one server serves all cases, also side by side. A case of its own of a
// backend runs by Do.
//
// A case knows nothing about the backend but what its World says, and no verdict depends on how long something took. Where
// the World is a bubble of testing/synctest, each case runs in one of its own.
package managertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
)

// A World is where the suite runs. Only Open has to be there; the zero value of the rest is a backend that serves in order
// of arrival, has no limit, and moves what an own type holds through the codec.
type World struct {
	// Open returns a Manager, a session of its own with the same objects each time within one case, as another process
	// would have it. It passes the options on: Label and WithCodec. The suite closes the Manager.
	Open func(t testing.TB, opts ...manager.Option) *manager.Manager
	// Bubble says that each case runs in a testing/synctest bubble, in which Open is called.
	Bubble bool
	// Kill, if not nil, ends a Manager as SIGKILL ends its process, and returns when what it held is free or will be
	// soon; calls of m that wait return ErrClosed. By default it is Close.
	Kill func(t testing.TB, m *manager.Manager)
	// Waiters, if not nil, says how many calls of any Manager of the case wait for an object, where the backend cannot
	// tell by Objects: those that wait for an event, perhaps, of which a server hears nothing. A negative number: ask
	// Objects. The suite asks again until it is what it expects.
	Waiters func(m *manager.Manager, kind manager.Kind, name string) int
	// Barging says that a lock may be had before others who wait for it, as the core has it; otherwise it goes by
	// arrival.
	Barging bool
	// AnyGetter says that of those who wait at a queue in different sessions nobody is the next, and nobody starves.
	AnyGetter bool
	// DiesNotified says that a notification goes with the waiter that it was given to, if that dies before it has the
	// lock. Those who wait for a predicate look again then.
	DiesNotified bool
	// MaxValue is the size of the largest value, and of what one call may store, or 0.
	MaxValue int
	// Kept says that the value of an own type stays where it is served, and so may have what a codec drops.
	Kept bool
	// ShortTTL is a short life of a value, where a few milliseconds are too short.
	ShortTTL time.Duration
	// SideBySide runs the cases in parallel.
	SideBySide bool
	// Skip says why cases make no sense here, by their names. Each is skipped with that reason.
	Skip map[string]string
}

// An S is a case that is running.
type S struct {
	*testing.T
	World
	name  string
	guard sync.Mutex
	opens []*manager.Manager
	wg    sync.WaitGroup
}

type testCase struct {
	name string
	run  func(s *S)
}

var cases []testCase

// add makes functions cases of the suite; each is named after its function.
func add(run ...func(s *S)) {
	for _, r := range run {
		cases = append(cases, testCase{funcName(r), r})
	}
}

func funcName(f any) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' {
			return name[i+1:]
		}
	}
	return name
}

// Run runs the suite, each case as a subtest named after it.
func Run(t *testing.T, w World) {
	for name := range w.Skip {
		if !slices.ContainsFunc(cases, func(c testCase) bool { return c.name == name }) {
			t.Errorf("Skip names %s: there is no such case", name)
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if why, skip := w.Skip[c.name]; skip {
				t.Skip(why)
			}
			if w.SideBySide && !w.Bubble {
				t.Parallel()
			}
			Do(t, w, c.run)
		})
	}
}

// runs counts the cases that ran, so that one which runs again, on the same server, finds nothing of before.
var runs atomic.Int64

// Do runs one case, of the suite or another, in a test of its own.
func Do(t *testing.T, w World, run func(s *S)) {
	in := func(t *testing.T) {
		s := &S{T: t, World: w, name: fmt.Sprint(t.Name(), "#", runs.Add(1))}
		defer s.close()
		run(s)
		s.wg.Wait()
	}
	if w.Bubble {
		synctest.Test(t, in)
		return
	}
	defer proof.Watch(t)()
	in(t)
}

func (s *S) close() {
	s.guard.Lock()
	defer s.guard.Unlock()
	for _, m := range s.opens {
		if err := m.Close(); err != nil {
			s.Error("Close:", err)
		}
	}
}

// Manager opens another Manager.
func (s *S) Manager(opts ...manager.Option) *manager.Manager {
	s.Helper()
	m := s.World.Open(s.T, opts...)
	s.guard.Lock()
	defer s.guard.Unlock()
	s.opens = append(s.opens, m)
	return m
}

// Two opens two.
func (s *S) Two() (a, b *manager.Manager) { return s.Manager(), s.Manager() }

// Dies ends m as if its process had been killed.
func (s *S) Dies(m *manager.Manager) {
	if s.Kill != nil {
		s.Kill(s.T, m)
		return
	}
	if err := m.Close(); err != nil {
		s.Error("Close:", err)
	}
}

// Name returns a name that no other case uses.
func (s *S) Name(name string) string { return s.name + "/" + name }

// Go runs f in a goroutine; the result is closed when it has ended.
func (s *S) Go(f func()) (ended <-chan struct{}) {
	done := make(chan struct{})
	s.wg.Go(func() {
		defer close(done)
		f()
	})
	return done
}

// Waiting waits until n calls of any process wait for an object. Goroutines of one Manager that wait for a lock count as
// one.
func (s *S) Waiting(m *manager.Manager, kind manager.Kind, name string, n int) {
	s.Helper()
	s.Until(func() bool { return s.waiters(m, kind, name) == n })
}

func (s *S) waiters(m *manager.Manager, kind manager.Kind, name string) int {
	s.Helper()
	if s.World.Waiters != nil {
		if n := s.World.Waiters(m, kind, name); n >= 0 {
			return n
		}
	}
	return len(s.Info(m, kind, name).Waiters)
}

// Until waits until is reports true.
func (s *S) Until(is func() bool) {
	s.Helper()
	for pause := 50 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		s.Settle()
		if is() {
			return
		}
		time.Sleep(pause)
	}
}

// Settle waits, in a bubble, until everybody else waits. Elsewhere nobody can know.
func (s *S) Settle() {
	if s.Bubble {
		synctest.Wait()
	}
}

// Info returns what m knows of an object, or nothing.
func (s *S) Info(m *manager.Manager, kind manager.Kind, name string) manager.Info {
	s.Helper()
	for i, err := range m.Objects(background) {
		if err != nil {
			s.Fatal("Objects:", err)
		}
		if i.Kind == kind && i.Name == name {
			return i
		}
	}
	return manager.Info{}
}

// End ends the session of m, as somebody else, and waits until m knows and has another.
func (s *S) End(other, m *manager.Manager) {
	s.Helper()
	lost, id := m.Lost(), m.ID()
	if err := other.End(background, id); err != nil {
		s.Fatal("End:", err)
	}
	<-lost
	for m.ID() == id {
		time.Sleep(time.Millisecond)
	}
}

var (
	background = context.Background()
	errWhy     = errors.New("why")
)

// Ended returns a context that has ended with errWhy.
func Ended() context.Context {
	ctx, cancel := context.WithCancelCause(background)
	cancel(errWhy)
	return ctx
}

// Ok fails the test for an error.
func (s *S) Ok(errs ...error) {
	s.Helper()
	for _, err := range errs {
		if err != nil {
			s.Error(err)
		}
	}
}

// Is fails the test unless err is want.
func (s *S) Is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("got the error %v, want %v", err, want)
	}
}

// Panics fails the test unless f panics with want.
func (s *S) Panics(want error, f func()) {
	s.Helper()
	v := proof.Recovered(f)
	if err, _ := v.(error); !errors.Is(err, want) {
		s.Errorf("panicked with %v, want %v", v, want)
	}
}

// True fails the test unless everything is true; the text of a claim comes before it.
func (s *S) True(claims ...any) {
	s.Helper()
	for i := 0; i < len(claims); i += 2 {
		if !claims[i+1].(bool) {
			s.Errorf("not so: %v", claims[i])
		}
	}
}

// Equal fails the test unless got is want.
func Equal[T any](s *S, got, want T) {
	s.Helper()
	if !reflect.DeepEqual(got, want) {
		s.Errorf("got %v, want %v", got, want)
	}
}

// Got returns a value, and fails the test for an error.
func Got[T any](s *S) func(v T, err error) T {
	return func(v T, err error) T {
		s.Helper()
		if err != nil {
			s.Error(err)
		}
		return v
	}
}

// IsClosed reports whether c is closed.
func IsClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// within is a time that a call which gives up may take; nothing is concluded from how long it took.
const within = 10 * time.Millisecond

func (s *S) String() string { return fmt.Sprint("case ", s.name) }
