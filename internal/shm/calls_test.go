//go:build linux && (amd64 || arm64)

package shm

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
)

// calls are experiments of one process that makes one call and dies: so what is left is that call's, and nobody makes up
// for it before it is seen.
var calls = map[string]*experiment{}

// A content is the state of a Queue.
type content struct {
	items             []string
	unfinished, taken uint64 // taken is by processes, and not done
	shut, joined      bool
}

func (c content) String() string {
	return fmt.Sprintf("items %q, %d unfinished, %d taken, shut %t, joined %t", c.items, c.unfinished, c.taken, c.shut, c.joined)
}

func (c content) same(as content) bool {
	return slices.Equal(c.items, as.items) && c.unfinished == as.unfinished && c.taken == as.taken && c.shut == as.shut &&
		c.joined == as.joined
}

// contentOf reads the state as a process does that comes next, and fails if words of it do not belong together: records
// that do not end at the tail or are not as many as the items, items beyond the bound, what is unfinished and neither
// inside nor taken.
func contentOf(q *Queue) (c content, err error) {
	q.enter()
	defer q.leave()
	return contentInside(q)
}

// contentInside is contentOf for a process that has entered.
func contentInside(q *Queue) (c content, err error) {
	mem, err := q.at(q.page.level.Load())
	if err != nil {
		return c, err
	}
	size, at, tail := uint64(len(mem)), q.page.head.Load(), q.page.tail.Load()
	for at < tail {
		length := binary.NativeEndian.Uint64(mem[at%size:])
		if length > size || recordSize(length) > tail-at {
			return c, fmt.Errorf("an item of %d bytes at %d, the tail is %d", length, at, tail)
		}
		item := make([]byte, min(length, 16))
		copyOut(item, mem, at+8)
		c.items = append(c.items, string(item))
		at += recordSize(length)
	}
	for i := range int(q.page.used.Load()) {
		c.taken += q.entries[i].Load() & (1<<32 - 1)
	}
	c.unfinished, c.shut, c.joined = q.page.unfinished.Load(), q.page.shut.Load() != 0, q.page.joined.Load() != 0
	items := q.page.items.Load()
	switch {
	case at != tail:
		err = fmt.Errorf("records up to %d, the tail is %d", at, tail)
	case items != uint64(len(c.items)):
		err = fmt.Errorf("%d records for %d items", len(c.items), items)
	case q.maxsize > 0 && items > q.maxsize:
		err = fmt.Errorf("%d items where %d fit", items, q.maxsize)
	case c.unfinished != items+c.taken:
		err = fmt.Errorf("%d are unfinished, %d inside and %d taken", c.unfinished, items, c.taken)
	}
	return c, err
}

// onQueue is a call on a Queue that its maker has prepared.
func onQueue(maxsize int, prepare func(q *Queue), call func(w *worker, q *Queue)) *experiment {
	return &experiment{
		objects: func(l *lab) []int {
			q, err := NewQueue(maxsize)
			must(err)
			prepare(q)
			l.t.Cleanup(func() { q.Len() })
			return []int{q.Descriptor()}
		},
		work: func(w *worker) {
			q, err := AttachQueue(w.objects[0])
			must(err)
			call(w, q)
			w.step()
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		},
	}
}

func putAll(items ...string) func(q *Queue) {
	return func(q *Queue) {
		for _, item := range items {
			must(q.Put([]byte(item), true, nil))
		}
	}
}

func init() {
	get := func(_ *worker, q *Queue) { second(q.Get(true, nil)) }
	calls["a put"] = onQueue(3, putAll("a", "bcdefghij"), func(_ *worker, q *Queue) { must(q.Put([]byte("new"), true, nil)) })
	calls["the first put"] = onQueue(0, putAll(), func(_ *worker, q *Queue) { must(q.Put([]byte("new"), true, nil)) })
	calls["a put that makes it grow"] = onQueue(0, putAll("a", "b"), func(_ *worker, q *Queue) {
		must(q.Put(make([]byte, ringBase), true, nil))
	})
	calls["a get"] = onQueue(2, putAll("a", "bcdefghij"), get)
	calls["the last get"] = onQueue(2, putAll("abc"), get)
	calls["a TaskDone"] = onQueue(0, func(q *Queue) {
		putAll("a", "b")(q)
		second(q.Get(true, nil))
	}, func(_ *worker, q *Queue) { must(q.TaskDone()) })
	calls["the last TaskDone"] = onQueue(0, func(q *Queue) {
		putAll("a")(q)
		second(q.Get(true, nil))
	}, func(_ *worker, q *Queue) { must(q.TaskDone()) })
	calls["a shutdown"] = onQueue(0, putAll("a", "b"), func(_ *worker, q *Queue) { q.Shutdown(true) })

	// A put as Queue.store makes it, up to the step of words[0]: the words of the change are noted one by one; then it is
	// decided; then they are written.
	calls["steps of a put"] = onQueue(3, putAll("a"), func(w *worker, q *Queue) {
		steps := int(w.words[0].Load())
		q.enter()
		tail, err := q.write(q.page, &q.guarded, []byte("new"))
		must(err)
		for i, change := range []func(){
			func() { q.set(&q.page.tail, tail) },
			func() { q.set(&q.page.items, q.page.items.Load()+1) },
			func() { q.set(&q.page.unfinished, q.page.unfinished.Load()+1) },
			func() { q.journal.n.Store(3) },
			func() { q.word(q.records[0]).Store(q.records[0].value) },
			func() { q.word(q.records[1]).Store(q.records[1].value) },
		} {
			if i < steps {
				change()
			}
		}
	})
}

// diesIn has a process make a call and die, at a point or when it has returned, and returns the state before and after it.
func diesIn(t *testing.T, name, point string, word uint64) (before, after content, returned bool) {
	t.Helper()
	l := newLab(t, name)
	l.words[0].Store(word)
	q, err := AttachQueue(dup(l.fds[0]))
	must(err)
	before, err = contentOf(q)
	must(err)
	l.dies(name, point)
	after, err = contentOf(q)
	if err != nil {
		t.Errorf("after a death in %s (%q, %d): %v", name, point, word, err)
	}
	if l.end(); !t.Failed() {
		usable(t, q, after)
	}
	return before, after, l.seats[0].progress.Load() > 0
}

// usable has the state served to the end: each item is there once, in order, and Join returns.
func usable(t *testing.T, q *Queue, c content) {
	t.Helper()
	want := slices.Clone(c.items)
	if !c.shut {
		for q.Cap() == 0 || len(want) < q.Cap() {
			must(q.Put([]byte("more"), true, nil))
			if want = append(want, "more"); len(want) > 4 {
				break
			}
		}
	}
	for i, item := range want {
		got, err := q.Get(true, nil)
		if err != nil || string(got[:min(len(got), 16)]) != item {
			t.Fatalf("item %d is %.16q, want %q (%v); the state was %v", i, got, item, err, c)
		}
		must(q.TaskDone())
	}
	if c.taken > 0 && q.mineTaken() > 0 {
		must(q.TaskDone())
	}
	if n := q.Unfinished(); n != 0 || q.Len() != 0 || !q.Join(After(hangs)) {
		t.Fatalf("%d are unfinished, %d inside; the state was %v", n, q.Len(), c)
	}
}

// mineTaken returns how many items this process has taken and not done.
func (q *Queue) mineTaken() (n uint64) {
	q.enter()
	defer q.leave()
	if i := q.own(); i >= 0 {
		n = q.entries[i].Load() & (1<<32 - 1)
	}
	return n
}

// A change is nothing until it is decided, and whole from then on.
func TestAChangeOfTheDeadIsWholeOrNone(t *testing.T) {
	for steps := range uint64(7) {
		before, after, _ := diesIn(t, "steps of a put", "", steps)
		want := before
		if steps > 3 {
			want.items, want.unfinished = append(slices.Clone(want.items), "new"), want.unfinished+1
		}
		if !after.same(want) {
			t.Errorf("after %d steps: %v, want %v", steps, after, want)
		}
	}
	for name := range calls {
		if before, after, returned := diesIn(t, name, "", 4); !returned || after.same(before) {
			t.Errorf("%s changed nothing: %v", name, after)
		}
	}
}
