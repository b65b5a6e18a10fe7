//go:build threadingexplore

package explore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/internal/goid"
)

// On reports whether the build tag threadingexplore is set.
const On = true

// current is the scheduler of the present run.
var current atomic.Pointer[scheduler]

// Point is a place where a schedule may switch.
func Point(name string) { stop(name, nil) }

// stop lets the scheduler decide when the calling goroutine goes on, which must not be before may returns true.
func stop(name string, may func() bool) {
	if s := current.Load(); s != nil && goid.Own() != s.root {
		s.stop(name, may)
	}
}

// A Mutex guards the state of a primitive. While a schedule runs nobody ever waits in it: whoever wants it is let go on
// when it is free.
type Mutex struct{ mutex sync.Mutex }

// Lock acquires the Mutex. It is a Point.
func (m *Mutex) Lock() {
	stop("guard", m.free)
	m.mutex.Lock()
}

// Unlock releases the Mutex.
func (m *Mutex) Unlock() { m.mutex.Unlock() }

func (m *Mutex) free() bool {
	if m.mutex.TryLock() {
		m.mutex.Unlock()
		return true
	}
	return false
}

// A Case is what is explored.
type Case struct {
	Name string
	// Start makes what is tested and starts the goroutines that use it, all by calls of start. It returns what checks the
	// result when all of them have returned. Nothing may wait for ever: where the test expects an end, the wait has the
	// limit LastResort, and to reach that is a failure.
	Start func(start func(name string, f func())) (check func() error)
}

// LastResort is the limit of a wait that should end otherwise.
const LastResort = 1000 * Tick

// Tick is by how much time passes when the scheduler lets it.
const Tick = time.Millisecond

// Test looks for a schedule that breaks c: through all with few interruptions, as far as that goes, and then at random.
// How many it tries is set by the environment, see the package comment.
func Test(t *testing.T, c Case) {
	t.Helper()
	if text := os.Getenv("EXPLORE_REPLAY"); text != "" {
		choose, err := parse(text)
		if err == nil {
			err = Run(t, c, choose)
		}
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		return
	}
	schedules, seed := number(t, "EXPLORE_SCHEDULES", 2000), number(t, "EXPLORE_SEED", 1)
	for bound := range 4 {
		ran, all := exhaust(t, c, bound, schedules)
		t.Logf("%d schedules with at most %d interruptions, all of them: %v", ran, bound, all)
		if !all {
			break
		}
	}
	for s := seed; s < seed+schedules; s++ {
		if err := Run(t, c, Random(uint64(s))); err != nil {
			report(t, c, fmt.Sprint(s), err)
		}
	}
	t.Logf("%d schedules at random, from seed %d on", schedules, seed)
}

func number(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		t.Fatalf("%s=%s: want a number", name, text)
	}
	return int(n)
}

func report(t *testing.T, c Case, schedule string, err error) {
	t.Helper()
	t.Fatalf("%s: %v\nagain: EXPLORE_REPLAY=%s go test -tags threadingexplore -run '^%s$'", c.Name, err, schedule, t.Name())
}

// exhaust runs all schedules of c in which a goroutine that could go on is interrupted, or time passes, at most bound
// times together, up to so many schedules. It returns how many it ran and whether these were all.
func exhaust(t *testing.T, c Case, bound, schedules int) (ran int, all bool) {
	t.Helper()
	d := &depthFirst{bound: bound}
	for ran < schedules {
		d.at, d.spent = 0, 0
		err := Run(t, c, d)
		ran++
		if err != nil {
			report(t, c, d.String(), err)
		}
		if !d.next() {
			return ran, true
		}
	}
	return ran, false
}

// parse reads a schedule: a seed, or bound:decisions.
func parse(text string) (Chooser, error) {
	bound, decisions, isPath := strings.Cut(text, ":")
	if !isPath {
		seed, err := strconv.ParseUint(text, 10, 64)
		return Random(seed), err
	}
	d := new(depthFirst)
	var err error
	if d.bound, err = strconv.Atoi(bound); err != nil {
		return nil, err
	}
	for _, word := range strings.FieldsFunc(decisions, func(r rune) bool { return r == '.' }) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		d.choices = append(d.choices, decision{taken: n})
	}
	return d, nil
}

// A Chooser decides which of those that may go on does so. Time is one of them, the last, if it may pass.
type Chooser interface {
	choose(may []*routine, last *routine) int
}

// Random returns the Chooser of a seed. Every other one gives the goroutines priorities, of which it changes a few on
// the way: that finds what needs one goroutine to be held up for long, where a choice at each step would let it go on too
// soon.
func Random(seed uint64) Chooser {
	random := rand.New(rand.NewPCG(seed, 0))
	if seed%2 == 1 {
		return &priorities{random: random, of: map[string]int{}}
	}
	return uniform{random}
}

// uniform takes any.
type uniform struct{ random *rand.Rand }

func (u uniform) choose(may []*routine, _ *routine) int { return u.random.IntN(len(may)) }

// priorities takes the one with the highest priority. Each gets a random one when it is first seen, and once in a while
// the one that would go on falls below all others: probabilistic concurrency testing, of Burckhardt and others.
type priorities struct {
	random *rand.Rand
	of     map[string]int
	lowest int
}

func (p *priorities) choose(may []*routine, _ *routine) int {
	best := 0
	for i, r := range may {
		if _, ok := p.of[r.name]; !ok {
			p.of[r.name] = 1 + p.random.IntN(1000)
		}
		if p.of[r.name] > p.of[may[best].name] {
			best = i
		}
	}
	if may[best].time || p.random.IntN(10) == 0 { // time must not run away
		p.lowest--
		p.of[may[best].name] = p.lowest
	}
	return best
}

// depthFirst goes through the tree of decisions. The first choice is to let the goroutine go on that went last.
type depthFirst struct {
	bound   int
	choices []decision // the present path
	at      int
	spent   int
}

type decision struct{ taken, of int }

func (d *depthFirst) choose(may []*routine, last *routine) int {
	// In the order in which they are tried.
	var order []int
	going := slices.Index(may, last)
	if going >= 0 {
		order = append(order, going)
	}
	for i, r := range may {
		if i != going && !(r.time && len(may) > 1 && d.spent >= d.bound) && (going < 0 || d.spent < d.bound) {
			order = append(order, i)
		}
	}
	if d.at == len(d.choices) {
		d.choices = append(d.choices, decision{0, len(order)})
	}
	taken := min(d.choices[d.at].taken, len(order)-1)
	d.choices[d.at] = decision{taken, len(order)}
	d.at++
	if choice := order[taken]; going >= 0 && choice != going || may[choice].time {
		d.spent++
	}
	return order[taken]
}

// next moves to the next path, and reports whether there is one.
func (d *depthFirst) next() bool {
	for i := d.at - 1; i >= 0; i-- {
		if c := d.choices[i]; c.taken+1 < c.of {
			d.choices = d.choices[:i+1]
			d.choices[i].taken++
			return true
		}
	}
	return false
}

// String is the schedule that was run, without the decisions at its end that were the first choice.
func (d *depthFirst) String() string {
	text := fmt.Sprint(d.bound, ":")
	last := d.at
	for last > 0 && d.choices[last-1].taken == 0 {
		last--
	}
	for i, c := range d.choices[:last] {
		if i > 0 {
			text += "."
		}
		text += strconv.Itoa(c.taken)
	}
	return text
}

// A routine is a goroutine that stops at Points, or time itself.
type routine struct {
	name  string
	point string
	may   func() bool
	goOn  chan struct{}
	time  bool
}

type scheduler struct {
	root   uint64 // the goroutine of the scheduler
	choose Chooser

	guard   sync.Mutex // held for a moment only, never while somebody stops
	known   map[uint64]*routine
	stopped []*routine // in the order of their names
	running int        // of those that were started, not returned
	strange int        // not started here, such as the functions of timers
	failure error
	trace   strings.Builder
}

// Run runs the schedule of one Chooser, and returns what it broke, with all its steps.
func Run(t *testing.T, c Case, choose Chooser) (failure error) {
	synctest.Test(t, func(*testing.T) {
		s := &scheduler{root: goid.Own(), choose: choose, known: map[uint64]*routine{}}
		current.Store(s)
		defer current.Store(nil)
		check := c.Start(s.start)
		s.loop()
		failure = s.failure
		if failure == nil {
			failure = check()
		}
		if failure != nil {
			failure = fmt.Errorf("%w\n%s", failure, s.trace.String())
		}
	})
	return failure
}

func (s *scheduler) start(name string, f func()) {
	s.running++
	go func() {
		id := goid.Own()
		s.guard.Lock()
		s.known[id] = &routine{name: name}
		s.guard.Unlock()
		defer func() {
			v := recover()
			s.guard.Lock()
			defer s.guard.Unlock()
			if v != nil && s.failure == nil {
				s.failure = fmt.Errorf("%s panicked: %v", name, v)
			}
			delete(s.known, id)
			s.running--
		}()
		Point("start")
		f()
	}()
}

func (s *scheduler) stop(point string, may func() bool) {
	id := goid.Own()
	s.guard.Lock()
	r := s.known[id]
	if r == nil {
		s.strange++
		r = &routine{name: fmt.Sprintf("other %d", s.strange)}
		s.known[id] = r
	}
	r.point, r.may, r.goOn = point, may, make(chan struct{})
	s.stopped = append(s.stopped, r)
	s.guard.Unlock()
	<-r.goOn
}

// loop lets one after the other go on until all have returned.
func (s *scheduler) loop() {
	const ticks, steps = 12, 10_000
	clock := &routine{name: "time", point: "passes", time: true}
	passed, idle := 0, 0
	var last *routine
	for range steps {
		synctest.Wait()
		var may []*routine
		s.guard.Lock()
		running := s.running
		slices.SortFunc(s.stopped, func(a, b *routine) int { return strings.Compare(a.name, b.name) })
		for _, r := range s.stopped {
			if r.may == nil || r.may() {
				may = append(may, r)
			}
		}
		s.guard.Unlock()
		if running == 0 && len(may) == 0 {
			return
		}
		if len(may) == 0 {
			// Everybody waits for time to pass, and in the end for the limits of last resort.
			if idle++; idle > 20 {
				panic("explore: somebody waits for ever:\n" + s.trace.String())
			}
			time.Sleep(Tick << idle)
			continue
		}
		if passed < ticks {
			may = append(may, clock)
		}
		idle = 0
		r := may[s.choose.choose(may, last)]
		fmt.Fprintf(&s.trace, "  %s: %s\n", r.name, r.point)
		last = r
		if r.time {
			passed++
			time.Sleep(Tick)
			continue
		}
		s.guard.Lock()
		s.stopped = slices.DeleteFunc(s.stopped, func(other *routine) bool { return other == r })
		s.guard.Unlock()
		close(r.goOn)
	}
	panic("explore: too many steps:\n" + s.trace.String())
}
