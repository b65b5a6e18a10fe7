//go:build unix

package embedded_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
)

// Small random programs of several clients, which are goroutines of three Managers, while the server is killed and
// started again, requests are late and answers are dropped. porcupine looks for an order of the calls in which one object
// would have given the same answers. A call that gave up has had no effect; one whose outcome is unknown may have had one,
// at any time later.

type lop struct {
	client int
	name   string
	n      int
}

type lanswer struct {
	ok, unknown bool
	n           int
}

func (o lop) String() string { return fmt.Sprintf("client %d: %s %d", o.client, o.name, o.n) }

type subject struct {
	name, init string
	call       func(m *manager.Manager, object string, r *rand.Rand, held *int) (lop, func() lanswer)
	// step returns the states after the answer, none if it cannot be given. It is not asked about unknown answers of a
	// call without an effect.
	step func(s string, o lop, a lanswer) (bool, string)
	// effect is what an unknown answer may have done.
	effect func(s string, o lop) string
}

func outcomeOf(err error, passing ...error) lanswer {
	for _, p := range passing {
		if errors.Is(err, p) {
			return lanswer{}
		}
	}
	if errors.Is(err, manager.ErrUnknown) {
		return lanswer{unknown: true}
	}
	if err != nil {
		panic(err)
	}
	return lanswer{ok: true}
}

func brief(r *rand.Rand) time.Duration { return time.Duration(r.IntN(3000)) * time.Microsecond }

func queues(name string, lifo bool) subject {
	return subject{
		name: name,
		call: func(m *manager.Manager, object string, r *rand.Rand, _ *int) (lop, func() lanswer) {
			q := manager.NewQueue[int](m, object, 0)
			if lifo {
				q = manager.NewLIFO[int](m, object, 0)
			}
			item, d := 1+r.IntN(250), brief(r)
			got := func(n int, err error) lanswer {
				if err != nil {
					return lanswer{}
				}
				return lanswer{ok: true, n: n}
			}
			switch r.IntN(5) {
			case 0:
				return lop{name: "try get"}, func() lanswer { return got(q.TryGet()) }
			case 1, 2:
				return lop{name: "get"}, func() lanswer { return got(q.GetTimeout(d)) }
			}
			return lop{name: "put", n: item}, func() lanswer { return outcomeOf(q.Put(item)) }
		},
		step: func(s string, o lop, a lanswer) (bool, string) {
			switch {
			case o.name == "put":
				return true, s + string([]byte{byte(o.n)})
			case !a.ok:
				return o.name == "get" || s == "", s
			case s == "":
				return false, s
			case lifo:
				return int(s[len(s)-1]) == a.n, s[:len(s)-1]
			}
			return int(s[0]) == a.n, s[1:]
		},
		effect: func(s string, o lop) string {
			if o.name == "put" {
				return s + string([]byte{byte(o.n)})
			}
			return s
		},
	}
}

var linear = []subject{
	queues("FIFO", false),
	queues("LIFO", true),
	{
		name: "lock", init: "-",
		call: func(m *manager.Manager, object string, r *rand.Rand, held *int) (lop, func() lanswer) {
			l := m.Lock(object)
			d := brief(r)
			if *held > 0 {
				*held--
				return lop{name: "unlock"}, func() lanswer { l.Unlock(); return lanswer{ok: true} }
			}
			acquired := func(ok bool) lanswer {
				if ok {
					*held++
				}
				return lanswer{ok: ok}
			}
			if r.IntN(3) == 0 {
				return lop{name: "locked"}, func() lanswer { return lanswer{ok: l.Locked()} }
			}
			return lop{name: "timeout"}, func() lanswer { return acquired(l.LockTimeout(d)) }
		},
		step: func(s string, o lop, a lanswer) (bool, string) {
			switch {
			case o.name == "unlock":
				return s == "held", "-"
			case o.name == "locked":
				return a.ok || s == "-", s // one that waits, or gives up, may be there
			case a.ok:
				return s == "-", "held"
			}
			return true, s
		},
		effect: func(s string, _ lop) string { return s },
	},
	{
		name: "semaphore", init: "2",
		call: func(m *manager.Manager, object string, r *rand.Rand, _ *int) (lop, func() lanswer) {
			s := m.Semaphore(object, 2)
			n, d := 1+r.IntN(2), brief(r)
			switch r.IntN(6) {
			case 0:
				return lop{name: "value"}, func() lanswer { return lanswer{ok: true, n: s.Value()} }
			case 1:
				return lop{name: "acquire", n: n}, func() lanswer { return lanswer{ok: s.TryAcquireN(n)} }
			case 2, 3:
				return lop{name: "acquire", n: n}, func() lanswer { return lanswer{ok: s.AcquireNTimeout(n, d)} }
			}
			return lop{name: "release", n: n}, func() lanswer { return outcomeOf(s.ReleaseNContext(background, n)) }
		},
		step: func(s string, o lop, a lanswer) (bool, string) {
			v, _ := strconv.Atoi(s)
			switch {
			case o.name == "release":
				return true, strconv.Itoa(v + o.n)
			case o.name == "value":
				return a.n <= v, s // one that is about to give up may have some
			case a.ok:
				return v >= o.n, strconv.Itoa(v - o.n)
			}
			return true, s
		},
		effect: func(s string, o lop) string {
			v, _ := strconv.Atoi(s)
			if o.name == "release" {
				v += o.n
			}
			return strconv.Itoa(v)
		},
	},
	{
		name: "event", init: "f",
		call: func(m *manager.Manager, object string, r *rand.Rand, _ *int) (lop, func() lanswer) {
			e := m.Event(object)
			d := brief(r)
			switch r.IntN(4) {
			case 0:
				return lop{name: "set"}, func() lanswer { return outcomeOf(e.SetContext(background)) }
			case 1:
				return lop{name: "clear"}, func() lanswer { return outcomeOf(e.ClearContext(background)) }
			case 2:
				return lop{name: "wait"}, func() lanswer { return lanswer{ok: e.WaitTimeout(d)} }
			}
			return lop{name: "is"}, func() lanswer { return lanswer{ok: e.IsSet()} }
		},
		step: func(s string, o lop, a lanswer) (bool, string) {
			switch o.name {
			case "set":
				return true, "t"
			case "clear":
				return true, "f"
			case "wait":
				return a.ok == (s == "t"), s
			}
			return a.ok == (s == "t"), s
		},
		effect: func(s string, o lop) string {
			switch o.name {
			case "set":
				return "t"
			case "clear":
				return "f"
			}
			return s
		},
	},
	{
		name: "dict", init: "0",
		call: func(m *manager.Manager, object string, r *rand.Rand, _ *int) (lop, func() lanswer) {
			d := manager.NewDict[string, int](m, object)
			n := 1 + r.IntN(9)
			switch r.IntN(4) {
			case 0:
				return lop{name: "set", n: n}, func() lanswer { return outcomeOf(d.Set(background, "k", n)) }
			case 1:
				return lop{name: "add", n: n}, func() lanswer {
					v, err := d.Update(background, "k", func(old int, _ bool) (int, error) { return (old + n) % 10, nil })
					a := outcomeOf(err)
					a.n = v
					return a
				}
			case 2:
				return lop{name: "pop"}, func() lanswer {
					v, _, err := d.Pop(background, "k")
					a := outcomeOf(err)
					a.n = v
					return a
				}
			}
			return lop{name: "get"}, func() lanswer {
				v, _, err := d.Get(background, "k")
				a := outcomeOf(err)
				a.n = v
				return a
			}
		},
		step: func(s string, o lop, a lanswer) (bool, string) {
			v := int(s[0] - '0')
			digit := func(n int) string { return string(rune('0' + n)) }
			switch o.name {
			case "set":
				return true, digit(o.n)
			case "add":
				return a.n == (v+o.n)%10, digit((v + o.n) % 10)
			case "pop":
				return a.n == v, "0"
			}
			return a.n == v, s
		},
		effect: func(s string, o lop) string {
			digit := func(n int) string { return string(rune('0' + n)) }
			switch o.name {
			case "set":
				return digit(o.n)
			case "add":
				return digit((int(s[0]-'0') + o.n) % 10)
			case "pop":
				return "0"
			}
			return s
		},
	},
}

// historyOf runs calls of a subject, while disturb disturbs.
func historyOf(s subject, ms []*manager.Manager, seed uint64, disturb func(), spoil bool) (porcupine.Model, []porcupine.Operation) {
	const clients, calls = 3, 7
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{s.init} },
		Step: func(state, in, out any) []any {
			if a := out.(lanswer); a.unknown {
				return []any{state, s.effect(state.(string), in.(lop))}
			}
			if ok, next := s.step(state.(string), in.(lop), out.(lanswer)); ok {
				return []any{next}
			}
			return nil
		},
	}
	var (
		clock   atomic.Int64
		wg      sync.WaitGroup
		results [clients][]porcupine.Operation
	)
	object := fmt.Sprint(s.name, " ", seed, " ", rand.Uint64())
	for client := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			held := 0
			for range calls {
				o, call := s.call(ms[client%len(ms)], object, r, &held)
				o.client = client
				before := clock.Add(1)
				a := call()
				after := clock.Add(1)
				if spoil && a.ok && a.n > 0 {
					a.n++
				}
				if a.unknown {
					after = 1 << 40
				}
				results[client] = append(results[client], porcupine.Operation{ClientId: client, Input: o, Call: before, Output: a, Return: after})
			}
		})
	}
	if disturb != nil {
		disturb()
	}
	wg.Wait()
	var history []porcupine.Operation
	for _, r := range results {
		history = append(history, r...)
	}
	return model.ToModel(), history
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	dir, at := t.TempDir(), freeAddr(t)
	server := play(t, "server", filepath.Join(dir, "etcd"), at)
	server.says(t)
	addr := "etcd://" + at + "/"
	seed := rand.Uint64()
	var ms []*manager.Manager
	for i := range uint64(3) {
		ms = append(ms, faulty(t, addr, chaos(seed+i)))
	}
	rounds := proof.Rounds(12, 4, 2)
	kills, all := 0, t // the servers outlive the subtests
	for _, s := range linear {
		t.Run(s.name, func(t *testing.T) {
			for round := range rounds {
				disturb := func() {
					if round%2 == 1 {
						server.kill()
						server = play(all, "server", filepath.Join(dir, "etcd"), at)
						server.says(all)
						kills++
					}
				}
				model, history := historyOf(s, ms, seed+uint64(round), disturb, false)
				if !proof.CheckHistory(t, model, history, seed+uint64(round)) {
					return
				}
			}
		})
	}
	t.Log(kills, "kills of the server")
}

// The check can fail.
func TestABrokenHistoryIsFound(t *testing.T) {
	addr := served(t)
	ms := []*manager.Manager{faulty(t, addr, nil), faulty(t, addr, nil)}
	for _, s := range linear {
		if s.name == "lock" || s.name == "event" {
			continue // their answers have no number that could be spoiled
		}
		found := false
		for seed := uint64(0); seed < 100 && !found; seed++ {
			model, history := historyOf(s, ms, seed, nil, true)
			found = !porcupine.CheckOperations(model, history)
		}
		if !found {
			t.Error(s.name, "none of 100 is found")
		}
	}
}
