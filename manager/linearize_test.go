package manager_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
)

// Small random programs of several clients, which are goroutines of two or three processes' Managers, and porcupine looks
// for an order of their calls in which one object would have given the same answers. A call that gave up has had no effect.

// An op is a call of a client, and an answer what it returned.
type op struct {
	client int
	name   string
	n      int
}

type answer struct {
	ok bool
	n  int
}

func (o op) String() string { return fmt.Sprintf("client %d: %s %d", o.client, o.name, o.n) }

// A subject is a kind of object: how to make a random call, and what the sequential one would say.
type subject struct {
	name  string
	calls func(m *manager.Manager, object string, r *rand.Rand, held *int) (op, func() answer)
	init  string
	// step says whether the answer may be given in this state, and what the next one is.
	step func(s string, o op, a answer) (bool, string)
}

func short(r *rand.Rand) time.Duration { return time.Duration(r.IntN(200)) * time.Microsecond }

var subjects = []subject{
	{
		name: "lock",
		init: "-",
		calls: func(m *manager.Manager, object string, r *rand.Rand, held *int) (op, func() answer) {
			l := m.Lock(object)
			d := short(r)
			if *held > 0 && r.IntN(2) == 0 {
				*held--
				return op{name: "unlock"}, func() answer { l.Unlock(); return answer{ok: true} }
			}
			acquired := func(ok bool) answer {
				if ok {
					*held++
				}
				return answer{ok: ok}
			}
			switch r.IntN(4) {
			case 0:
				return op{name: "try"}, func() answer { return acquired(l.TryLock()) }
			case 1:
				return op{name: "locked"}, func() answer { return answer{ok: l.Locked()} }
			}
			return op{name: "timeout"}, func() answer { return acquired(l.LockTimeout(d)) }
		},
		step: func(s string, o op, a answer) (bool, string) {
			switch {
			case o.name == "unlock":
				return s == "held", "-"
			case o.name == "locked":
				return a.ok == (s == "held"), s
			case a.ok:
				return s == "-", "held"
			case o.name == "try":
				return s == "held", s
			}
			return true, s
		},
	},
	{
		name: "semaphore",
		init: "\x02",
		calls: func(m *manager.Manager, object string, r *rand.Rand, held *int) (op, func() answer) {
			s := m.Semaphore(object, 2)
			d := short(r)
			n := 1 + r.IntN(2)
			acquired := func(ok bool) answer {
				if ok {
					*held += n
				}
				return answer{ok: ok}
			}
			switch k := r.IntN(6); {
			case k < 2 && *held > 0:
				*held--
				return op{name: "release"}, func() answer { s.Release(); return answer{ok: true} }
			case k == 2:
				return op{name: "value"}, func() answer { return answer{n: s.Value()} }
			case k == 3:
				return op{name: "try", n: n}, func() answer { return acquired(s.TryAcquireN(n)) }
			}
			return op{name: "timeout", n: n}, func() answer { return acquired(s.AcquireNTimeout(n, d)) }
		},
		step: func(s string, o op, a answer) (bool, string) {
			value := int(s[0])
			switch {
			case o.name == "release":
				return true, string([]byte{byte(value + 1)})
			case o.name == "value":
				return a.n == value, s
			case a.ok:
				return value >= o.n, string([]byte{byte(max(value-o.n, 0))})
			}
			return true, s // permits may be kept for one who wants more
		},
	},
	{
		name: "queue",
		calls: func(m *manager.Manager, object string, r *rand.Rand, _ *int) (op, func() answer) {
			q := manager.NewQueue[int](m, object, 2)
			d := short(r)
			item := 1 + r.IntN(200)
			put := func(err error) answer { return answer{ok: err == nil} }
			got := func(n int, err error) answer { return answer{err == nil, n} }
			switch r.IntN(7) {
			case 0:
				return op{name: "try put", n: item}, func() answer { return put(q.TryPut(item)) }
			case 1, 2:
				return op{name: "put", n: item}, func() answer { return put(q.PutTimeout(item, d)) }
			case 3:
				return op{name: "try get"}, func() answer { return got(q.TryGet()) }
			case 4:
				return op{name: "len"}, func() answer { return answer{n: q.Len()} }
			}
			return op{name: "get"}, func() answer { return got(q.GetTimeout(d)) }
		},
		step: func(s string, o op, a answer) (bool, string) {
			switch o.name {
			case "len":
				return a.n == len(s), s
			case "put", "try put":
				if !a.ok {
					return o.name == "put" || len(s) == 2, s
				}
				return len(s) < 2, s + string([]byte{byte(o.n)})
			}
			if !a.ok {
				return o.name == "get" || s == "", s
			}
			return s != "" && int(s[0]) == a.n, s[min(1, len(s)):]
		},
	},
	{
		name: "dict",
		init: "0",
		calls: func(m *manager.Manager, object string, r *rand.Rand, _ *int) (op, func() answer) {
			d := manager.NewDict[string, int](m, object)
			n := 1 + r.IntN(9)
			must := func(err error) {
				if err != nil {
					panic(err)
				}
			}
			switch r.IntN(5) {
			case 0:
				return op{name: "set", n: n}, func() answer { must(d.Set(background, "k", n)); return answer{ok: true} }
			case 1:
				return op{name: "pop"}, func() answer { v, ok, err := d.Pop(background, "k"); must(err); return answer{ok, v} }
			case 2:
				return op{name: "add", n: n}, func() answer {
					v, err := d.Update(background, "k", func(old int, _ bool) (int, error) { return (old + n) % 10, nil })
					must(err)
					return answer{true, v}
				}
			case 3:
				return op{name: "default", n: n}, func() answer {
					v, stored, err := d.SetDefault(background, "k", n)
					must(err)
					return answer{stored, v}
				}
			}
			return op{name: "get"}, func() answer { v, ok, err := d.Get(background, "k"); must(err); return answer{ok, v} }
		},
		// "0" is nothing there, and then a digit.
		step: func(s string, o op, a answer) (bool, string) {
			there, v := len(s) > 1, 0
			if there {
				v = int(s[1] - '0')
			}
			is := func(n int) string { return "0" + string(rune('0'+n)) }
			switch o.name {
			case "set":
				return true, is(o.n)
			case "pop":
				return a.ok == there && a.n == v, "0"
			case "add":
				return a.n == (v+o.n)%10, is((v + o.n) % 10)
			case "default":
				if there {
					return !a.ok && a.n == v, s
				}
				return a.ok && a.n == o.n, is(o.n)
			}
			return a.ok == there && a.n == v, s
		},
	},
}

// program runs calls of a subject on these Managers; wrap may spoil them.
func program(s subject, ms []*manager.Manager, wrap func(op, func() answer) func() answer) proof.Program {
	const clients, calls = 4, 9
	model := porcupine.Model{
		Init: func() any { return s.init },
		Step: func(state, in, out any) (bool, any) {
			ok, next := s.step(state.(string), in.(op), out.(answer))
			return ok, next
		},
	}
	return func(seed uint64) (porcupine.Model, []porcupine.Operation, error) {
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
					o, call := s.calls(ms[client%len(ms)], object, r, &held)
					o.client = client
					if wrap != nil {
						call = wrap(o, call)
					}
					before := clock.Add(1)
					a := call()
					results[client] = append(results[client], porcupine.Operation{
						ClientId: client, Input: o, Call: before, Output: a, Return: clock.Add(1),
					})
				}
			})
		}
		wg.Wait()
		var history []porcupine.Operation
		for _, r := range results {
			history = append(history, r...)
		}
		return model, history, nil
	}
}

func TestEveryHistoryIsLinearizable(t *testing.T) {
	defer proof.Watch(t)()
	ms := pair(t)
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) { proof.CheckHistories(t, proof.Rounds(600, 10, 3), program(s, ms, nil)) })
	}
}

// The check can fail: a get that gave up and took the item all the same, a try that says no for nothing, an Update that
// is not one.
func TestABrokenHistoryIsFound(t *testing.T) {
	defer proof.Watch(t)()
	ms := pair(t)
	broken := map[string]func(op, func() answer) func() answer{
		"lock": func(o op, call func() answer) func() answer {
			return func() answer {
				if o.name == "locked" {
					return answer{ok: !call().ok}
				}
				return call()
			}
		},
		"semaphore": func(o op, call func() answer) func() answer {
			return func() answer {
				a := call()
				if o.name == "value" {
					a.n++
				}
				return a
			}
		},
		"queue": func(o op, call func() answer) func() answer {
			return func() answer {
				a := call()
				if (o.name == "get" || o.name == "try get") && a.n%2 == 0 { // the first may always be out of time
					a.ok = false
				}
				return a
			}
		},
		"dict": func(o op, call func() answer) func() answer {
			return func() answer {
				a := call()
				if o.name == "add" && o.n == 3 {
					a.n = (a.n + 1) % 10
				}
				return a
			}
		},
	}
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) { proof.FindViolation(t, 200, program(s, ms, broken[s.name])) })
	}
}
