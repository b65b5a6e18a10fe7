package diagnose

import (
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/gothreading/threading/internal/goid"
	"github.com/gothreading/threading/internal/traceback"
)

// A TB is a test, a benchmark or a fuzz target.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Failed() bool
}

// Check makes the test t fail when it ends, if a goroutine that began after the call
// still waits in a call of this toolkit, or, in a build with the tag, still holds a
// lock, or t itself does; and if anything was found meanwhile that is or may be a
// deadlock. Goroutines on their way out have a second for it, or longer where the machine
// is busy.
//
// Do not use it in a test that calls t.Parallel, where there is no telling whose
// goroutine it is: there use [Wrap].
func Check(t TB) {
	t.Helper()
	s := begin()
	t.Cleanup(func() {
		t.Helper()
		if text := s.end(t.Failed()); text != "" {
			t.Errorf("diagnose: %s", text)
		}
	})
}

// Wrap wraps the M of a TestMain, alone or under goleak:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }
//
// Its Run runs the tests, looks as [Check] does at what all of them have left behind,
// writes that to standard error, and returns a code other than 0 if there is any.
func Wrap(m interface{ Run() int }) interface{ Run() int } { return wrapped{m} }

type wrapped struct{ m interface{ Run() int } }

// Run runs the tests.
func (w wrapped) Run() int {
	s := begin()
	code := w.m.Run()
	if text := s.end(code != 0); text != "" {
		fmt.Fprintln(os.Stderr, "diagnose: "+text)
		if code == 0 {
			code = 1
		}
	}
	return code
}

// A since is the time that is checked: it knows who was there before.
type since struct {
	before map[uint64]bool
	began  time.Time
	self   uint64
	found  int
}

// begun reports whether p came after the beginning. One that has ended may have done
// so before: then its hold is older.
func (s *since) begun(p Party) bool {
	return !s.before[p.Goroutine] && (p.Since == 0 || !p.Ended || p.Since < time.Since(s.began))
}

func begin() *since {
	s := &since{before: map[uint64]bool{}, began: time.Now(), self: goid.Get()}
	all, _ := traceback.All()
	for _, g := range all {
		s.before[g.ID] = true
	}
	s.found, _ = history(0)
	return s
}

// Goroutines may be on their way out while it is looked so many times, with a pause
// before each look. Looks, and not time, are counted because a busy machine lets
// nobody on.
const (
	looks = 100
	pause = 10 * time.Millisecond
)

// end returns what is wrong, or nothing. It looks only once if hasty.
func (s *since) end(hasty bool) string {
	text := s.left(false)
	for n := 0; text != "" && !hasty && n < looks; n++ {
		time.Sleep(pause)
		text = s.left(false)
	}
	if text != "" {
		text = s.left(true)
	}
	return text
}

// left says what is wrong now, or nothing. If asked, it lets the runtime look for
// goroutines that nothing can wake.
func (s *since) left(ask bool) string {
	if p := pprof.Lookup("goroutineleak"); ask && p != nil {
		_ = p.WriteTo(discard{}, 0)
	}
	r := read()
	_, findings := history(s.found)
	for _, f := range r.report.Findings {
		if s.concerns(f) && !slices.ContainsFunc(findings, f.same) {
			findings = append(findings, f)
		}
	}
	counts := map[Kind]int{}
	var lines strings.Builder
	for _, f := range findings {
		if f.Kind == SelfWait || f.Kind == Long {
			continue // those that wait are told of below
		}
		if counts[f.Kind]++; counts[f.Kind] <= mostTold {
			lines.WriteString("\n" + f.text())
		}
	}
	held, waiting := 0, 0
	say := func(n *int, format string, args ...any) {
		if *n++; *n <= mostTold {
			fmt.Fprintf(&lines, format, args...)
		}
	}
	for _, o := range r.holds() {
		for _, p := range o.Holders {
			if p.Goroutine == s.self && p.Since < time.Since(s.began) || s.begun(p) {
				say(&held, "\n%s holds %s, acquired at %s", p.who(), o.String(), site(p.At))
			}
		}
	}
	for _, o := range r.report.Objects {
		for _, p := range o.Waiters {
			if s.begun(p) {
				say(&waiting, "\n%s waits in %s for %s at %s", p.who(), p.Form, o.String(), site(p.At))
			}
		}
	}
	var parts []string
	for _, k := range []Kind{Deadlock, Hopeless, Abandoned, Order, Unfinished} {
		switch n := counts[k]; {
		case n == 1:
			parts = append(parts, "1 "+names[k][0])
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, names[k][1]))
		}
	}
	switch {
	case held == 1:
		parts = append(parts, "1 lock is still held")
	case held > 1:
		parts = append(parts, fmt.Sprintf("%d locks are still held", held))
	}
	switch {
	case waiting == 1:
		parts = append(parts, "1 goroutine still waits")
	case waiting > 1:
		parts = append(parts, fmt.Sprintf("%d goroutines still wait", waiting))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + strings.ReplaceAll(lines.String(), "\n", "\n    ")
}

// names are what findings are counted as.
var names = map[Kind][2]string{
	Deadlock:   {"deadlock", "deadlocks"},
	Hopeless:   {"hopeless wait", "hopeless waits"},
	Abandoned:  {"abandoned lock", "abandoned locks"},
	Order:      {"contradiction of orders", "contradictions of orders"},
	Unfinished: {"unfinished queue", "unfinished queues"},
}

// mostTold is how many of a kind are told of. The others are counted.
const mostTold = 20

// concerns reports whether anybody of f came after the beginning.
func (s *since) concerns(f Finding) bool {
	if f.Kind == Order {
		return false // it is told when it happens
	}
	return slices.ContainsFunc(f.Steps, s.begun)
}

// same reports whether f and other are about the same goroutines and objects.
func (f Finding) same(other Finding) bool {
	if f.Kind != other.Kind || len(f.Steps) != len(other.Steps) {
		return false
	}
	return !slices.ContainsFunc(f.Steps, func(p Party) bool {
		return !slices.ContainsFunc(other.Steps, func(q Party) bool { return p.Goroutine == q.Goroutine && p.Object == q.Object })
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
