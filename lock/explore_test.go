//go:build threadingexplore

package lock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/explore"
	"github.com/gothreading/threading/internal/park"
)

// inOnePart returns n keys of the same part, so that they use each other's spare entries.
func inOnePart(m *Map[int], n int) (keys []int) {
	first, _ := m.part(0)
	for k := 0; len(keys) < n; k++ {
		if p, _ := m.part(k); p == first {
			keys = append(keys, k)
		}
	}
	return keys
}

// A visit is one use of a key by one who may give up.
type visit struct {
	key   int
	limit time.Duration // 0: it must be served in the end
	ctx   bool          // and another goroutine ends it
	try   bool
	leave bool // another goroutine unlocks it
}

// mapCase has visitors of a few keys, each of which may give up, and one who unlocks what is never locked.
func mapCase(name string, keys int, programs [][]visit) explore.Case {
	return explore.Case{Name: name, Start: func(start func(string, func())) func() error {
		var (
			m      Map[int]
			inside = map[int]int{}
			failed error
			k      = inOnePart(&m, keys+1)
		)
		fail := func(format string, args ...any) {
			if failed == nil {
				failed = fmt.Errorf(format, args...)
			}
		}
		for i, visits := range programs {
			// Who unlocks for another waits for its word, for which there is no need of a lock.
			var words []*park.Latch
			for j, v := range visits {
				word := new(park.Latch)
				words = append(words, word)
				if v.leave {
					start(fmt.Sprint("friend ", i, ".", j), func() {
						if word.WaitTimeout(10 * explore.LastResort) {
							inside[v.key]--
							m.Unlock(k[v.key])
						}
					})
				}
			}
			start(fmt.Sprint("visitor ", i), func() {
				for j, v := range visits {
					var ok bool
					switch key := k[v.key]; {
					case v.try:
						ok = m.TryLock(key)
					case v.ctx:
						ctx, cancel := context.WithTimeout(context.Background(), v.limit)
						ok = m.LockContext(ctx, key) == nil
						cancel()
					case v.limit > 0:
						ok = m.LockTimeout(key, v.limit)
					default:
						if ok = m.LockTimeout(key, explore.LastResort); !ok {
							fail("visitor %d was forgotten at key %d", i, v.key)
						}
					}
					if !ok {
						words[j] = nil
						continue
					}
					if inside[v.key]++; inside[v.key] != 1 {
						fail("two hold key %d", v.key)
					}
					explore.Point("inside")
					if v.leave {
						words[j].Open()
						continue
					}
					inside[v.key]--
					m.Unlock(k[v.key])
				}
			})
		}
		start("misuser", func() {
			func() {
				defer func() {
					if recover() != ErrNotLocked {
						fail("a key that nobody locks was unlocked")
					}
				}()
				m.Unlock(k[keys])
			}()
			if m.Locked(k[keys]) {
				fail("a key that nobody locks is locked")
			}
		})
		return func() error {
			if failed != nil {
				return failed
			}
			for i := range m.spread.Load().parts {
				p := &m.spread.Load().parts[i]
				if p.entries.count != 0 {
					return fmt.Errorf("%d entries are left", p.entries.count)
				}
				for e := p.spare; e != nil; e = e.next {
					if e.users != 0 || e.lock.gate.Value() != locked {
						return fmt.Errorf("a spare has %d users, locked %v", e.users, e.lock.Locked())
					}
				}
			}
			return nil
		}
	}}
}

func randomMapCase(seed uint64) explore.Case {
	r := rand.New(rand.NewPCG(seed, 2))
	keys := 1 + r.IntN(2)
	var programs [][]visit
	for range 2 + r.IntN(3) {
		var visits []visit
		for range 1 + r.IntN(2) {
			v := visit{key: r.IntN(keys)}
			switch r.IntN(5) {
			case 0:
				v.try = true
			case 1, 2:
				v.limit = time.Duration(1+r.IntN(3)) * explore.Tick
				v.ctx = r.IntN(2) == 0
			}
			v.leave = !v.try && v.limit == 0 && r.IntN(3) == 0
			visits = append(visits, v)
		}
		programs = append(programs, visits)
	}
	return mapCase(fmt.Sprint("random ", seed), keys, programs)
}

func TestNoScheduleBreaksAMap(t *testing.T) {
	cases := []explore.Case{
		mapCase("the last waiter gives up", 1, [][]visit{{{}}, {{limit: explore.Tick}}}),
		mapCase("two give up", 1, [][]visit{{{}}, {{limit: explore.Tick}}, {{limit: explore.Tick, ctx: true}}}),
		mapCase("unlocked by a friend", 1, [][]visit{{{leave: true}}, {{limit: explore.Tick}, {}}}),
		mapCase("two keys", 2, [][]visit{{{key: 0}, {key: 1}}, {{key: 1, limit: explore.Tick}, {key: 0}}}),
	}
	for seed := range uint64(12) {
		cases = append(cases, randomMapCase(seed))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { explore.Test(t, c) })
	}
}

// Many more programs, a few schedules each.
func TestNoScheduleBreaksManyMaps(t *testing.T) {
	for seed := range uint64(400) {
		c := randomMapCase(1000 + seed)
		for s := range uint64(20) {
			if err := explore.Run(t, c, explore.Random(s)); err != nil {
				t.Fatalf("%s, schedule %d: %v", c.Name, s, err)
			}
		}
	}
}
