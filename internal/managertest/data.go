package managertest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/manager"
)

func init() {
	add(DictOneAfterTheOther, DictCompareAndSet, DictUpdate, DictUpdatesAddUp, DictValuesAreCopies, DictKeys, DictTTL, DictAll,
		DictWatch, DictWatchEnds, DictWatchSkipsNothing, DictEndedContext, DictCodec,
		ValueIsZeroAtFirst, ValueUpdatesAddUp, ValueWatch, NamespaceHasAttributes, CounterAddsUp, CounterOverflow,
		ListOneAfterTheOther, ListUpdates, ListRaw, ArrayIsFixed, ArrayUpdatesAddUp, TooLarge)
}

func DictOneAfterTheOther(s *S) {
	a, b := s.Two()
	da, db := manager.NewDict[string, int](a, s.Name("d")), manager.NewDict[string, int](b, s.Name("d"))
	Equal(s, da.Name(), s.Name("d"))
	v, ok, err := da.Get(background, "x")
	s.True("nothing", v == 0 && !ok && err == nil)
	s.Ok(da.Set(background, "x", 1))
	v, ok, err = db.Get(background, "x")
	s.True("1", v == 1 && ok && err == nil)
	v, stored, err := db.SetDefault(background, "x", 2)
	s.True("still 1", v == 1 && !stored && err == nil)
	v, stored, err = db.SetDefault(background, "y", 2)
	s.True("2", v == 2 && stored && err == nil)
	Equal(s, Got[int](s)(da.Len(background)), 2)
	s.Ok(db.SetAll(background, map[string]int{"y": 3, "z": 4, "": 5}))
	Equal(s, Got[int](s)(da.Len(background)), 4)
	v, ok, err = da.Pop(background, "z")
	s.True("4", v == 4 && ok && err == nil)
	v, ok, err = da.Pop(background, "z")
	s.True("gone", v == 0 && !ok && err == nil)
	ok, err = db.Delete(background, "")
	s.True("deleted", ok && err == nil)
	ok, err = db.Delete(background, "")
	s.True("before", !ok && err == nil)
	s.Ok(da.Clear(background))
	Equal(s, Got[int](s)(db.Len(background)), 0)
	s.Ok(da.SetAll(background, nil))
}

func DictCompareAndSet(s *S) {
	a, b := s.Two()
	da, db := manager.NewDict[string, string](a, s.Name("d")), manager.NewDict[string, string](b, s.Name("d"))
	v, none, err := da.Load(background, "k")
	s.True("not there", v == "" && none == manager.Rev{} && err == nil)
	first, err := da.CompareAndSet(background, "k", none, "a")
	s.Ok(err)
	s.True("a revision", first != none)
	_, err = db.CompareAndSet(background, "k", none, "b")
	s.Is(err, manager.ErrConflict)
	second, err := db.CompareAndSet(background, "k", first, "b")
	s.Ok(err)
	_, err = da.CompareAndSet(background, "k", first, "c")
	s.Is(err, manager.ErrConflict)
	v, rev, err := da.Load(background, "k")
	s.True("b", v == "b" && rev == second && err == nil)
	s.Ok(da.Set(background, "k", "b"))
	_, rev, _ = da.Load(background, "k")
	s.True("another, though equal", rev != second)
	Got[bool](s)(da.Delete(background, "k"))
	_, err = db.CompareAndSet(background, "k", rev, "d")
	s.Is(err, manager.ErrConflict)
	again, err := db.CompareAndSet(background, "k", manager.Rev{}, "d")
	s.Ok(err)
	s.True("never the same again", again != first && again != second && again != rev)
}

func DictUpdate(s *S) {
	a := s.Manager()
	d := manager.NewDict[string, []int](a, s.Name("d"))
	v, err := d.Update(background, "k", func(old []int, ok bool) ([]int, error) {
		s.True("not there", old == nil && !ok)
		return []int{1}, nil
	})
	s.Ok(err)
	Equal(s, v, []int{1})
	v, err = d.Update(background, "k", func(old []int, ok bool) ([]int, error) {
		s.True("there", ok)
		return append(old, 2), nil
	})
	s.Ok(err)
	Equal(s, v, []int{1, 2})
	_, err = d.Update(background, "k", func(old []int, _ bool) ([]int, error) { old[0] = 9; return old, errWhy })
	s.Is(err, errWhy)
	s.Panics(errWhy, func() {
		_, _ = d.Update(background, "k", func(old []int, _ bool) ([]int, error) { old[0] = 9; panic(errWhy) })
	})
	v, _, err = d.Get(background, "k")
	s.Ok(err)
	Equal(s, v, []int{1, 2})
	// fn runs again when another was faster.
	runs := 0
	v, err = d.Update(background, "k", func(old []int, _ bool) ([]int, error) {
		if runs++; runs == 1 {
			s.Ok(d.Set(background, "k", []int{5}))
		}
		return append(old, 6), nil
	})
	s.Ok(err)
	s.True("twice", runs == 2 && slices.Equal(v, []int{5, 6}))
}

// updatesAddUp makes eight users add at once.
func (s *S) updatesAddUp(add func(m *manager.Manager) error) {
	const users, times = 8, 25
	var wg sync.WaitGroup
	for range users {
		m := s.Manager()
		wg.Go(func() {
			for range times {
				s.Ok(add(m))
			}
		})
	}
	wg.Wait()
}

const addedUp = 8 * 25

func DictUpdatesAddUp(s *S) {
	s.updatesAddUp(func(m *manager.Manager) error {
		d := manager.NewDict[string, map[string]int](m, s.Name("d"))
		_, err := d.Update(background, "nested", func(old map[string]int, ok bool) (map[string]int, error) {
			if !ok {
				old = map[string]int{}
			}
			old["n"]++
			return old, nil
		})
		return err
	})
	v, _, err := manager.NewDict[string, map[string]int](s.Manager(), s.Name("d")).Get(background, "nested")
	s.Ok(err)
	Equal(s, v["n"], addedUp)
}

// What Python loses silently cannot be written: the nested value is a copy, and so is what was put in.
func DictValuesAreCopies(s *S) {
	a := s.Manager()
	d := manager.NewDict[string, []int](a, s.Name("d"))
	mine := []int{1, 2}
	s.Ok(d.Set(background, "k", mine))
	mine[0] = 9
	got, _, _ := d.Get(background, "k")
	got[1] = 9
	again, _, _ := d.Get(background, "k")
	Equal(s, again, []int{1, 2})

	raw := manager.NewDict[string, []byte](a, s.Name("raw"))
	bytes := []byte("ab")
	s.Ok(raw.Set(background, "k", bytes))
	bytes[0] = 'X'
	gotRaw, ok, _ := raw.Get(background, "k")
	s.True("raw", string(gotRaw) == "ab" && ok)
	gotRaw[0] = 'X'
	gotRaw, _, _ = raw.Get(background, "k")
	Equal(s, string(gotRaw), "ab")
	s.Ok(raw.Set(background, "empty", nil))
	gotRaw, ok, _ = raw.Get(background, "empty")
	s.True("an empty value is one", ok && len(gotRaw) == 0)
}

type point struct {
	X int
	S string
}

//lint:ignore U1000 a codec does not see it
type hidden struct{ x int }

func DictKeys(s *S) {
	a := s.Manager()
	ints := manager.NewDict[int, string](a, s.Name("int"))
	s.Ok(ints.Set(background, -7, "a"), ints.Set(background, 7, "b"))
	v, ok, err := ints.Get(background, -7)
	s.True("int", v == "a" && ok && err == nil)
	points := manager.NewDict[point, int](a, s.Name("point"))
	s.Ok(points.Set(background, point{1, "x"}, 1))
	n, ok, err := points.Get(background, point{1, "x"})
	s.True("struct", n == 1 && ok && err == nil)
	_, ok, _ = points.Get(background, point{1, "y"})
	s.True("another", !ok)
	s.Is(points.Set(background, point{1, "\xff"}, 1), manager.ErrValue) // JSON has no such string
	arrays := manager.NewDict[[2]bool, int](a, s.Name("array"))
	s.Ok(arrays.Set(background, [2]bool{true, false}, 3))
	odd := manager.NewDict[string, int](a, s.Name("odd"))
	keys := []string{"", "a/b", "\x00", "\xff\xfe", "ключ", "a b", strings.Repeat("x", 300)}
	for i, k := range keys {
		s.Ok(odd.Set(background, k, i))
	}
	for i, k := range keys {
		n, ok, err := odd.Get(background, k)
		s.True(fmt.Sprintf("%q", k), n == i && ok && err == nil)
	}
	s.Panics(manager.ErrValue, func() { manager.NewDict[float64, int](a, "x") })
	s.Panics(manager.ErrValue, func() { manager.NewDict[any, int](a, "x") })
	s.Panics(manager.ErrValue, func() { manager.NewDict[*int, int](a, "x") })
	s.Panics(manager.ErrValue, func() { manager.NewDict[hidden, int](a, "x") })
	s.Panics(manager.ErrValue, func() { manager.NewDict[time.Time, int](a, "x") })
	s.Panics(manager.ErrValue, func() { manager.NewDict[[1]float32, int](a, "x") })
}

func DictTTL(s *S) {
	a, b := s.Two()
	da, db := manager.NewDict[string, int](a, s.Name("d")), manager.NewDict[string, int](b, s.Name("d"))
	ttl := max(s.ShortTTL, 20*time.Millisecond)
	began := time.Now()
	s.Ok(da.SetTTL(background, "k", 1, ttl), da.SetTTL(background, "stays", 1, ttl), da.SetTTL(background, "long", 2, time.Hour))
	s.Ok(db.Set(background, "stays", 2)) // a later Set
	s.Ok(da.SetTTL(background, "forever", 3, 0), da.SetTTL(background, "always", 3, -1))
	if s.Bubble {
		time.Sleep(ttl - 1)
		_, ok, _ := db.Get(background, "k")
		s.True("to the end", ok)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
	}
	s.Until(func() bool { _, ok, _ := db.Get(background, "k"); return !ok })
	s.True("it lived so long", time.Since(began) >= ttl)
	Equal(s, Got[int](s)(da.Len(background)), 4)
	if !s.Bubble {
		return
	}
	Equal(s, time.Since(began), ttl)
	s.Ok(da.SetTTL(background, "k", 1, time.Hour))
	s.Ok(da.SetTTL(background, "k", 1, time.Minute)) // the later counts
	s.Ok(da.SetTTL(background, "other", 1, time.Second))
	time.Sleep(time.Minute - 1)
	_, ok, _ := db.Get(background, "k")
	s.True("to the end", ok)
	time.Sleep(2 * time.Nanosecond)
	_, ok, _ = db.Get(background, "k")
	s.True("gone", !ok)
	time.Sleep(2 * time.Hour)
	Equal(s, Got[int](s)(da.Len(background)), 3)
}

func DictAll(s *S) {
	a, b := s.Two()
	d := manager.NewDict[string, int](a, s.Name("d"))
	const n = 2500
	all := make(map[string]int, n)
	for i := range n {
		all[fmt.Sprintf("%04d", i)] = i
	}
	s.Ok(d.SetAll(background, all))
	got := 0
	for e, err := range manager.NewDict[string, int](b, s.Name("d")).All(background) {
		s.Ok(err)
		if e.Value != got || e.Key != fmt.Sprintf("%04d", got) || (e.Rev == manager.Rev{}) {
			s.Fatalf("entry %d is %v", got, e)
		}
		if got == 0 { // a snapshot
			s.Ok(d.Set(background, "zzz", 1))
			Got[bool](s)(d.Delete(background, "2499"))
		}
		got++
	}
	Equal(s, got, n)
	for range d.All(background) {
		break
	}
	for _, err := range d.All(Ended()) {
		s.Is(err, errWhy)
	}
	ctx, cancel := context.WithCancelCause(background)
	defer cancel(nil)
	var last error
	for _, err := range manager.NewDict[string, int](b, s.Name("d")).All(ctx) {
		cancel(errWhy)
		last = err
	}
	s.Is(last, errWhy)
}

// changes collects what a watch yields.
func changes[T any](s *S, seq iter.Seq2[T, error]) (next func() T, ended <-chan struct{}) {
	c := make(chan T, 10000)
	return func() T { return <-c }, s.Go(func() {
		for v, err := range seq {
			if err != nil {
				s.Is(err, errWhy)
				continue
			}
			c <- v
		}
	})
}

func DictWatch(s *S) {
	a, b := s.Two()
	da, db := manager.NewDict[string, int](a, s.Name("d")), manager.NewDict[string, int](b, s.Name("d"))
	s.Ok(da.Set(background, "there", 1))
	ctx, cancel := context.WithCancelCause(background)
	next, ended := changes(s, db.Watch(ctx))
	c := next()
	s.True("what is there", c.Key == "there" && c.Value == 1 && !c.Deleted && !c.Resync)
	_, rev, _ := da.Load(background, "there")
	s.True("its revision", c.Rev == rev)
	for i := range 10 {
		s.Ok(da.Set(background, fmt.Sprint(i), i))
	}
	for i := range 10 {
		c := next()
		s.True("in order", c.Key == fmt.Sprint(i) && c.Value == i)
	}
	Got[bool](s)(da.Delete(background, "3"))
	c = next()
	s.True("deleted", c.Key == "3" && c.Deleted && c.Value == 0)
	s.Ok(da.SetTTL(background, "4", 5, within))
	if c = next(); !c.Deleted { // or both have come as one
		s.True("set", c.Key == "4" && c.Value == 5)
		c = next()
	}
	s.True("expired", c.Key == "4" && c.Deleted)
	cancel(errWhy)
	<-ended
	s.Waiting(a, manager.KindDict, da.Name(), 0)
}

func DictWatchEnds(s *S) {
	a := s.Manager()
	d := manager.NewDict[string, int](a, s.Name("d"))
	for _, err := range d.Watch(Ended()) {
		s.Is(err, errWhy)
	}
	s.Ok(d.Set(background, "k", 1))
	for c, err := range d.Watch(background) {
		s.True("k", c.Key == "k" && err == nil)
		break
	}
	s.Waiting(a, manager.KindDict, d.Name(), 0)
}

// However slow the loop, in the end it has seen the last value of each key.
func DictWatchSkipsNothing(s *S) {
	a, b := s.Two()
	da, db := manager.NewDict[int, int](a, s.Name("d")), manager.NewDict[int, int](b, s.Name("d"))
	const keys, rounds, last = 6000, 2, 99999 // whose text is the last, too
	ctx, cancel := context.WithCancelCause(background)
	started, goOn := make(chan struct{}), make(chan struct{})
	seen := make(map[int]int)
	resyncs := 0
	ended := s.Go(func() {
		for c, err := range db.Watch(ctx) {
			switch {
			case err != nil:
				s.Is(err, errWhy)
			case c.Resync:
				resyncs++
				clear(seen)
			case c.Deleted:
				delete(seen, c.Key)
			default:
				seen[c.Key] = c.Value
				if c.Key == -1 && !IsClosed(started) {
					close(started)
					<-goOn
				}
				if c.Key == last {
					cancel(errWhy)
				}
			}
		}
	})
	s.Ok(da.Set(background, -1, 0))
	<-started
	for r := range rounds {
		all := make(map[int]int)
		for k := range keys {
			all[k] = k * (r + 1)
		}
		s.Ok(da.SetAll(background, all))
	}
	Got[bool](s)(da.Delete(background, 7))
	close(goOn)
	s.Ok(da.Set(background, last, 0))
	<-ended
	Equal(s, len(seen), keys+1) // -1, all but 7, and the last
	for k := range keys {
		if v, ok := seen[k]; ok != (k != 7) || v != k*rounds && ok {
			s.Fatalf("key %d: %d, %t, after %d resyncs", k, v, ok, resyncs)
		}
	}
}

func DictEndedContext(s *S) {
	a := s.Manager()
	d := manager.NewDict[string, int](a, s.Name("d"))
	_, _, err := d.Get(Ended(), "k")
	s.Is(err, errWhy)
	_, _, err = d.Load(Ended(), "k")
	s.Is(err, errWhy)
	s.Is(d.Set(Ended(), "k", 1), errWhy)
	s.Is(d.SetTTL(Ended(), "k", 1, 1), errWhy)
	s.Is(d.SetAll(Ended(), map[string]int{"k": 1}), errWhy)
	_, _, err = d.SetDefault(Ended(), "k", 1)
	s.Is(err, errWhy)
	_, err = d.CompareAndSet(Ended(), "k", manager.Rev{}, 1)
	s.Is(err, errWhy)
	_, err = d.Update(Ended(), "k", func(int, bool) (int, error) { s.Error("called"); return 1, nil })
	s.Is(err, errWhy)
	_, err = d.Delete(Ended(), "k")
	s.Is(err, errWhy)
	_, _, err = d.Pop(Ended(), "k")
	s.Is(err, errWhy)
	s.Is(d.Clear(Ended()), errWhy)
	_, err = d.Len(Ended())
	s.Is(err, errWhy)
	Equal(s, Got[int](s)(d.Len(background)), 0)
}

// A backwards codec.
type backwards struct{}

func (backwards) Name() string { return "backwards" }

func (backwards) Marshal(v any) ([]byte, error) {
	text, ok := v.(string)
	if !ok {
		return nil, errWhy
	}
	b := []byte(text)
	slices.Reverse(b)
	return b, nil
}

func (backwards) Unmarshal(data []byte, v any) error {
	p, ok := v.(*string)
	if !ok {
		return errWhy
	}
	b := slices.Clone(data)
	slices.Reverse(b)
	*p = string(b)
	return nil
}

func DictCodec(s *S) {
	a, b := s.Manager(manager.WithCodec(backwards{})), s.Manager()
	d := manager.NewDict[string, string](a, s.Name("d"))
	s.Ok(d.Set(background, "key", "value"))
	v, ok, err := d.Get(background, "key")
	s.True("value", v == "value" && ok && err == nil)
	for e, err := range d.All(background) {
		s.True("its key", e.Key == "key" && err == nil)
	}
	err = manager.NewDict[string, string](b, s.Name("d")).Set(background, "key", "value")
	s.Is(err, manager.ErrMismatch)
	s.True("both", err != nil && strings.Contains(err.Error(), `"backwards"`) && strings.Contains(err.Error(), `"json"`))
	s.Is(manager.NewDict[string, int](a, s.Name("i")).Set(background, "k", 1), errWhy)
	if err := manager.NewDict[string, func()](b, s.Name("f")).Set(background, "k", func() {}); err == nil {
		s.Error("a function was stored")
	}
}

func ValueIsZeroAtFirst(s *S) {
	a, b := s.Two()
	va, vb := manager.NewValue[point](a, s.Name("v")), manager.NewValue[point](b, s.Name("v"))
	v, rev, err := va.Load(background)
	s.True("zero", v == point{} && rev == manager.Rev{} && err == nil)
	s.Ok(va.Set(background, point{1, "a"}))
	Equal(s, Got[point](s)(vb.Get(background)), point{1, "a"})
	_, err = vb.CompareAndSet(background, manager.Rev{}, point{})
	s.Is(err, manager.ErrConflict)
	_, rev, _ = va.Load(background)
	Got[manager.Rev](s)(vb.CompareAndSet(background, rev, point{2, "b"}))
	p, err := va.Update(background, func(p point) (point, error) { p.X++; return p, nil })
	s.True("3", p == point{3, "b"} && err == nil)
	_, err = va.Update(background, func(p point) (point, error) { return point{}, errWhy })
	s.Is(err, errWhy)
	Equal(s, Got[point](s)(vb.Get(background)), point{3, "b"})
	_, err = va.Get(Ended())
	s.Is(err, errWhy)
	s.Is(va.Set(Ended(), p), errWhy)
}

func ValueUpdatesAddUp(s *S) {
	s.updatesAddUp(func(m *manager.Manager) error {
		_, err := manager.NewValue[int](m, s.Name("v")).Update(background, func(n int) (int, error) { return n + 1, nil })
		return err
	})
	Equal(s, Got[int](s)(manager.NewValue[int](s.Manager(), s.Name("v")).Get(background)), addedUp)
}

func ValueWatch(s *S) {
	a, b := s.Two()
	va := manager.NewValue[int](a, s.Name("v"))
	ctx, cancel := context.WithCancelCause(background)
	next, ended := changes(s, manager.NewValue[int](b, s.Name("v")).Watch(ctx))
	for i := range 5 {
		s.Ok(va.Set(background, i))
		Equal(s, next(), i)
	}
	for i := range 100 {
		s.Ok(va.Set(background, i))
	}
	for next() != 99 {
	}
	cancel(errWhy)
	<-ended
}

func NamespaceHasAttributes(s *S) {
	a, b := s.Two()
	na, nb := a.Namespace(s.Name("n")), b.Namespace(s.Name("n"))
	Equal(s, na.Name(), s.Name("n"))
	x := manager.Attr[int](na, "x")
	s.Ok(x.Set(background, 10), manager.Attr[string](na, "y").Set(background, "hello"))
	Equal(s, Got[int](s)(manager.Attr[int](nb, "x").Get(background)), 10)
	Equal(s, Got[string](s)(manager.Attr[string](nb, "y").Get(background)), "hello")
	other := manager.Attr[int](b.Namespace(s.Name("other")), "x")
	Equal(s, Got[int](s)(other.Get(background)), 0)
	Equal(s, Got[int](s)(manager.NewValue[int](a, "x").Get(background)), 0)
	s.Ok(a.Delete(background, manager.KindValue, x.Name()))
	Equal(s, Got[int](s)(manager.Attr[int](nb, "x").Get(background)), 0)
	fresh := a.Namespace("")
	s.True("a name", fresh.Name() != "" && fresh.Name() != a.Namespace("").Name())
}

func CounterAddsUp(s *S) {
	s.updatesAddUp(func(m *manager.Manager) error {
		_, err := m.Counter(s.Name("c")).Add(background, 1)
		return err
	})
	c := s.Manager().Counter(s.Name("c"))
	Equal(s, Got[int64](s)(c.Get(background)), addedUp)
	Equal(s, Got[int64](s)(c.Add(background, -addedUp-1)), -1)
	s.Ok(c.Set(background, 7))
	Equal(s, Got[int64](s)(c.Add(background, 0)), 7)
	_, err := c.Add(Ended(), 1)
	s.Is(err, errWhy)
	s.Is(c.Set(Ended(), 1), errWhy)
	_, err = c.Get(Ended())
	s.Is(err, errWhy)
}

func CounterOverflow(s *S) {
	c := s.Manager().Counter(s.Name("c"))
	for _, limit := range []int64{math.MaxInt64, math.MinInt64} {
		s.Ok(c.Set(background, limit))
		for _, n := range []int64{1, math.MaxInt64, -1, math.MinInt64} {
			if n > 0 == (limit > 0) {
				_, err := c.Add(background, n)
				s.Is(err, manager.ErrValue)
			}
		}
		Equal(s, Got[int64](s)(c.Get(background)), limit)
	}
}

func ListOneAfterTheOther(s *S) {
	a, b := s.Two()
	la, lb := manager.NewList[string](a, s.Name("l")), manager.NewList[string](b, s.Name("l"))
	all := func() (all []string) {
		for v, err := range lb.All(background) {
			s.Ok(err)
			all = append(all, v)
		}
		return all
	}
	Equal(s, Got[int](s)(la.Len(background)), 0)
	s.Ok(la.Append(background), la.Append(background, "a", "b"), lb.Append(background, "c"))
	Equal(s, all(), []string{"a", "b", "c"})
	for i, want := range map[int]string{0: "a", 2: "c", -1: "c", -3: "a"} {
		Equal(s, Got[string](s)(lb.Get(background, i)), want)
	}
	s.Ok(la.Set(background, 1, "B"), la.Set(background, -1, "C"))
	s.Ok(la.Insert(background, 0, "0"), la.Insert(background, 4, "4"), la.Insert(background, -1, "3"))
	Equal(s, all(), []string{"0", "a", "B", "C", "3", "4"})
	Equal(s, Got[string](s)(lb.Pop(background, -1)), "4")
	Equal(s, Got[string](s)(lb.Pop(background, 0)), "0")
	Equal(s, Got[int](s)(la.Len(background)), 4)
	for _, i := range []int{4, -5, math.MaxInt, math.MinInt} {
		_, err := la.Get(background, i)
		s.Is(err, manager.ErrNotFound)
		s.Is(la.Set(background, i, "x"), manager.ErrNotFound)
		_, err = la.Pop(background, i)
		s.Is(err, manager.ErrNotFound)
		if i != 4 {
			s.Is(la.Insert(background, i, "x"), manager.ErrNotFound)
		}
	}
	Equal(s, all(), []string{"a", "B", "C", "3"})
	_, err := la.Get(Ended(), 0)
	s.Is(err, errWhy)
	s.Is(la.Append(Ended(), "x"), errWhy)
	for _, err := range la.All(Ended()) {
		s.Is(err, errWhy)
	}
	Equal(s, len(all()), 4)
}

func ListUpdates(s *S) {
	s.updatesAddUp(func(m *manager.Manager) error {
		_, err := manager.NewList[int](m, s.Name("l")).Update(background, func(xs []int) ([]int, error) { return append(xs, len(xs)), nil })
		return err
	})
	l := manager.NewList[int](s.Manager(), s.Name("l"))
	xs, err := l.Update(background, func(xs []int) ([]int, error) { slices.Reverse(xs); return xs, nil })
	s.Ok(err)
	s.True("all, in reverse", len(xs) == addedUp && xs[0] == addedUp-1 && slices.IsSortedFunc(xs, func(a, b int) int { return b - a }))
	_, err = l.Update(background, func(xs []int) ([]int, error) { xs[0] = 0; return nil, errWhy })
	s.Is(err, errWhy)
	Equal(s, Got[int](s)(l.Get(background, 0)), addedUp-1)
	xs, err = l.Update(background, func([]int) ([]int, error) { return nil, nil })
	s.True("empty", len(xs) == 0 && err == nil && Got[int](s)(l.Len(background)) == 0)
}

func ListRaw(s *S) {
	a, b := s.Two()
	s.Ok(manager.NewList[[]byte](a, s.Name("l")).Append(background, []byte("x"), nil, []byte{0xff}))
	var got []string
	for v, err := range manager.NewList[[]byte](b, s.Name("l")).All(background) {
		s.Ok(err)
		got = append(got, string(v))
	}
	Equal(s, got, []string{"x", "", "\xff"})
}

func ArrayIsFixed(s *S) {
	a, b := s.Two()
	aa, ab := manager.NewArray[int](a, s.Name("a"), 12), manager.NewArray[int](b, s.Name("a"), 12)
	s.Ok(aa.Set(background, 0, 1), aa.Set(background, 10, 2), aa.Set(background, -1, 3))
	v, err := ab.Update(background, 10, func(n int) (int, error) { return n * 10, nil })
	s.True("20", v == 20 && err == nil)
	_, err = ab.Update(background, 5, func(n int) (int, error) { return n, errWhy })
	s.Is(err, errWhy)
	var all []int
	for v, err := range ab.All(background) {
		s.Ok(err)
		all = append(all, v)
	}
	Equal(s, all, []int{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 3})
	Equal(s, aa.Len(), 12)
	for _, i := range []int{12, -13, math.MaxInt, math.MinInt} {
		_, err := aa.Get(background, i)
		s.Is(err, manager.ErrNotFound)
		s.Is(aa.Set(background, i, 1), manager.ErrNotFound)
		_, err = aa.Update(background, i, func(n int) (int, error) { return n, nil })
		s.Is(err, manager.ErrNotFound)
	}
	_, err = manager.NewArray[int](b, s.Name("a"), 11).Get(background, 0)
	s.Is(err, manager.ErrMismatch)
	s.Panics(manager.ErrValue, func() { manager.NewArray[int](a, "x", -1) })
	for range manager.NewArray[int](a, s.Name("none"), 0).All(background) {
		s.Error("an element of nothing")
	}
	for _, err := range aa.All(Ended()) {
		s.Is(err, errWhy)
		break
	}
}

func ArrayUpdatesAddUp(s *S) {
	s.updatesAddUp(func(m *manager.Manager) error {
		a := manager.NewArray[int](m, s.Name("a"), 2)
		_, err := a.Update(background, 1, func(n int) (int, error) { return n + 1, nil })
		return err
	})
	Equal(s, Got[int](s)(manager.NewArray[int](s.Manager(), s.Name("a"), 2).Get(background, 1)), addedUp)
}

func TooLarge(s *S) {
	if s.MaxValue == 0 {
		return
	}
	a, b := s.Two()
	big := make([]byte, s.MaxValue+1)
	d := manager.NewDict[string, []byte](a, s.Name("d"))
	q := manager.NewQueue[[]byte](a, s.Name("q"), 0)
	l := manager.NewList[[]byte](a, s.Name("l"))
	for _, err := range []error{
		d.Set(background, "", big), d.SetAll(background, map[string][]byte{"a": big[1:], "b": big[:1]}), q.Put(big), q.TryPut(big),
		q.PutKey(background, big, "k", time.Hour), l.Append(background, big), l.Append(background, big[1:], big[:1]),
	} {
		s.Is(err, manager.ErrTooLarge)
	}
	s.True("nothing was stored", q.Empty() && Got[int](s)(d.Len(background)) == 0 && Got[int](s)(l.Len(background)) == 0)
	s.Ok(d.Set(background, "", big[1:]))
	got, ok, err := manager.NewDict[string, []byte](b, s.Name("d")).Get(background, "")
	s.True("the largest", len(got) == s.MaxValue && ok && err == nil)
	if errors.Is(err, manager.ErrTooLarge) {
		return
	}
	s.Ok(d.Clear(background))
}
