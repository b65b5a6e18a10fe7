//go:build unix

package manager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
)

// Each process that is killed has so many connections, so a kill tears as many frames.
const torn = 4

// tornSize is so much more than a socket holds that a process is mostly in the middle of a frame.
const tornSize = 1 << 20

func tornLock(m *manager.Manager, i int) *manager.Lock { return m.Lock(fmt.Sprint("torn ", i)) }

func tornValues(m *manager.Manager) *manager.Dict[string, []byte] {
	return manager.NewDict[string, []byte](m, "torn")
}

func init() {
	roles["torn"] = func(addr string, say func(...any)) {
		var ms [torn]*manager.Manager
		for i := range ms {
			ms[i] = open(addr)
			tornLock(ms[i], i).Lock()
			ms[i].BoundedSemaphore("torn", torn).Acquire()
			if _, err := manager.NewQueue[int](ms[i], "torn", 0).Claim(); err != nil {
				panic(err)
			}
		}
		say("holds")
		for i, m := range ms {
			key := fmt.Sprint(os.Getpid(), i)
			go func() {
				for n := byte(0); ; n++ {
					if err := tornValues(m).Set(background, key, bytes.Repeat([]byte{n}, tornSize)); err != nil {
						panic(err)
					}
					if n == 0 {
						say("sends")
					}
				}
			}()
		}
		forever()
	}
}

// A brokenConns counts what a server says about connections that broke within a frame.
type brokenConns struct {
	slog.Handler
	n atomic.Int64
}

func (b *brokenConns) Enabled(context.Context, slog.Level) bool { return true }

func (b *brokenConns) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" && a.Value.String() == "unexpected EOF" {
			b.n.Add(1)
		}
		return true
	})
	return nil
}

// A process that is killed in the middle of a frame has done nothing with it: what it held is free, what is stored is
// whole, and the others are served.
func TestAKillInTheMiddleOfAFrame(t *testing.T) {
	defer proof.Watch(t)()
	conns := &brokenConns{Handler: slog.DiscardHandler}
	m := started(t, manager.Logger(slog.New(conns)))
	q := manager.NewQueue[int](m, "torn", 0, manager.MaxDeliveries(1<<30))
	for i := range torn {
		if err := q.Put(i); err != nil {
			t.Fatal(err)
		}
	}
	frames, kills := int64(proof.Rounds(100, 5, 4)), 0
	for ; conns.n.Load() < frames; kills++ {
		c := spawn(t, "torn", m.Addr())
		c.says("holds")
		for range torn {
			c.says("sends")
		}
		time.Sleep(time.Duration(rand.IntN(int(5 * time.Millisecond))))
		c.kill()
		for i := range torn {
			tornLock(m, i).Lock()
			tornLock(m, i).Unlock()
		}
		m.BoundedSemaphore("torn", torn).AcquireN(torn)
		m.BoundedSemaphore("torn", torn).ReleaseN(torn)
		until(func() bool { return q.Len() == torn })
		for e, err := range tornValues(m).All(background) {
			if err != nil {
				t.Fatal(err)
			}
			if len(e.Value) != tornSize || bytes.Count(e.Value, e.Value[:1]) != tornSize {
				t.Errorf("the value of %s is torn: %d bytes", e.Key, len(e.Value))
			}
		}
		if err := tornValues(m).Clear(background); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills tore %d frames", kills, conns.n.Load())
}

// A sum is a type of one's own.
type sum struct{ N int }

var (
	sums = manager.Register("manager_test.sum", func() *sum { return new(sum) })
	add  = manager.Define(sums, "add", func(s *sum, _ context.Context, n int) (int, error) {
		s.N += n
		return s.N, nil
	})
)

const adders = 8

func init() {
	roles["adder"] = func(addr string, say func(...any)) {
		addr, times, _ := strings.Cut(addr, "#")
		additions, err := strconv.Atoi(times)
		if err != nil {
			panic(err)
		}
		m := open(addr)
		plus := func(n int) (int, error) { return n + 1, nil }
		ways := map[string]func() error{
			"Dict.Update": func() error {
				_, err := manager.NewDict[string, map[string]int](m, "dict").Update(background, "nested",
					func(inner map[string]int, ok bool) (map[string]int, error) {
						if !ok {
							inner = make(map[string]int)
						}
						inner["n"]++
						return inner, nil
					})
				return err
			},
			"Value.CompareAndSet": func() error {
				v := manager.NewValue[int](m, "value")
				for {
					n, rev, err := v.Load(background)
					if err != nil {
						return err
					}
					if _, err = v.CompareAndSet(background, rev, n+1); !errors.Is(err, manager.ErrConflict) {
						return err
					}
				}
			},
			"Value.Update": func() error { _, err := manager.NewValue[int](m, "updated").Update(background, plus); return err },
			"Counter.Add":  func() error { _, err := m.Counter("counter").Add(background, 1); return err },
			"List.Update": func() error {
				_, err := manager.NewList[int](m, "list").Update(background, func(xs []int) ([]int, error) { return append(xs, 1), nil })
				return err
			},
			"Array.Update": func() error { _, err := manager.NewArray[int](m, "array", 3).Update(background, 1, plus); return err },
			"Call":         func() error { _, err := add.Call(background, sums.Open(m, "sum"), 1); return err },
			"under a Lock": func() error {
				return m.Lock("lock").With(background, func(ctx context.Context) error {
					v := manager.NewValue[int](m, "locked")
					n, err := v.Get(ctx)
					if err != nil {
						return err
					}
					return v.Set(ctx, n+1)
				})
			},
		}
		if _, err := m.Barrier("begin", adders, nil).Wait(); err != nil {
			panic(err)
		}
		var wg sync.WaitGroup
		for name, way := range ways {
			wg.Go(func() {
				for range additions {
					if err := way(); err != nil {
						say(name, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// Eight processes add, each in all the ways in which that is one step, and nothing is lost.
func TestUpdatesOfEightProcessesAddUp(t *testing.T) {
	defer proof.Watch(t)()
	m := started(t)
	additions := proof.Rounds(100, 5, 2)
	var children []*child
	for range adders {
		children = append(children, spawn(t, "adder", fmt.Sprint(m.Addr(), "#", additions)))
	}
	for _, c := range children {
		if line, ok := c.line(); ok {
			t.Error("a child says", line)
		}
		c.ends()
	}
	want := adders * additions
	inner, _, err := manager.NewDict[string, map[string]int](m, "dict").Get(background, "nested")
	for name, got := range map[string]func() (int, error){
		"Dict.Update":         func() (int, error) { return inner["n"], err },
		"Value.CompareAndSet": func() (int, error) { return manager.NewValue[int](m, "value").Get(background) },
		"Value.Update":        func() (int, error) { return manager.NewValue[int](m, "updated").Get(background) },
		"Counter.Add":         func() (int, error) { n, err := m.Counter("counter").Get(background); return int(n), err },
		"List.Update":         func() (int, error) { return manager.NewList[int](m, "list").Len(background) },
		"Array.Update":        func() (int, error) { return manager.NewArray[int](m, "array", 3).Get(background, 1) },
		"Call":                func() (int, error) { return add.Call(background, sums.Open(m, "sum"), 0) },
		"under a Lock":        func() (int, error) { return manager.NewValue[int](m, "locked").Get(background) },
	} {
		if n, err := got(); n != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", name, n, err, want)
		}
	}
}
