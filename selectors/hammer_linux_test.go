package selectors_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/selectors"
)

// What is written is read, by whoever is told, while files are registered, modified and unregistered all the time. A
// byte that nobody is told of is a hang.
func TestNoEventIsLost(t *testing.T) {
	for _, kind := range []selectors.Event{0, edge} {
		t.Run(kind.String(), func(t *testing.T) {
			defer proof.Watch(t)()
			sel := newSelector[int](t)
			const files = 8
			rounds := proof.Rounds(200_000, 10, 8)
			var rs, ws [files]*os.File
			for i := range files {
				rs[i], ws[i] = pipe(t)
				register(t, sel, rs[i], read|kind, i)
			}
			var written, got atomic.Int64
			var all sync.WaitGroup
			stop := make(chan struct{})
			for range 3 { // consumers
				all.Go(func() {
					buf := make([]byte, 4)
					for i := 0; ; i++ {
						var ready []selectors.Ready[int]
						var err error
						switch i % 4 {
						case 0:
							ready, err = sel.SelectTimeout(time.Duration(rand.IntN(200_000)))
						case 1:
							ctx, cancel := context.WithCancel(context.Background())
							go cancel()
							if ready, err = sel.SelectContext(ctx); err == context.Canceled {
								err = nil
							}
						case 2:
							ready, err = sel.TrySelect()
						default:
							ready, err = sel.Select()
						}
						if err == selectors.ErrClosed {
							return
						}
						if err != nil {
							t.Error(err)
							return
						}
						for _, r := range ready {
							for {
								n, err := selectors.TryRead(r.File, buf)
								if err == selectors.ErrWouldBlock {
									break
								}
								if err != nil {
									t.Error(err)
									return
								}
								got.Add(int64(n))
								if kind != edge {
									break
								}
							}
						}
					}
				})
			}
			var busy sync.WaitGroup
			for range 2 { // producers
				busy.Go(func() {
					for range rounds {
						if n, err := selectors.TryWrite(ws[rand.IntN(files)], []byte("abc")[:1+rand.IntN(3)]); err == nil {
							written.Add(int64(n))
						} else if err != selectors.ErrWouldBlock {
							t.Error(err)
						}
					}
				})
			}
			var changing sync.WaitGroup
			changing.Go(func() { // who changes what is registered; Register and Modify tell of what is there
				for {
					select {
					case <-stop:
						return
					default:
					}
					i := rand.IntN(files)
					if rand.IntN(2) == 0 {
						if _, err := sel.Modify(rs[i], read|kind, i); err != nil {
							t.Error(err)
						}
						continue
					}
					if err := sel.Unregister(rs[i]); err != nil {
						t.Error(err)
					}
					if _, err := sel.Register(rs[i], read|kind, i); err != nil {
						t.Error(err)
					}
				}
			})
			busy.Wait()
			close(stop)
			changing.Wait()
			for got.Load() < written.Load() { // or the watch ends it
				time.Sleep(time.Millisecond)
			}
			_ = sel.Close()
			all.Wait()
			if got.Load() != written.Load() {
				t.Errorf("%d bytes came of %d", got.Load(), written.Load())
			}
		})
	}
}

// Random calls by several goroutines on files that come and go, be closed before or after they are unregistered, have
// duplicates, and are given each other's numbers. Whatever is reported was registered so; and when all are done, what is
// ready is what poll says of each file, and the kernel watches what is registered and nothing else.
func TestRandomProgramsEndAsTheModelSays(t *testing.T) {
	defer proof.Watch(t)()
	for range proof.Rounds(2_000, 10, 8) {
		seed := rand.Uint64()
		if !randomProgram(t, seed) {
			t.Fatalf("again: seed %d", seed)
		}
	}
}

// A member is a file of a random program. One goroutine at a time works on it.
type member struct {
	guard      sync.Mutex
	file       any
	other      net.Conn // the other end
	duplicates []*os.File
	registered selectors.Event
	closed     bool
}

func randomProgram(t *testing.T, seed uint64) (good bool) {
	random := rand.New(rand.NewPCG(seed, 0))
	sel, err := selectors.New[int]()
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	const files, workers, steps = 6, 4, 40
	members := make([]*member, files)
	for i := range members {
		members[i] = newMember(t, random.IntN(8) == 0)
	}
	var wrong atomic.Bool
	fail := func(format string, args ...any) {
		wrong.Store(true)
		t.Errorf(format, args...)
	}
	stop, looking := make(chan struct{}), sync.WaitGroup{}
	for range 2 {
		looking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ready, err := sel.SelectTimeout(time.Duration(rand.IntN(50_000)))
				if err != nil {
					fail("Select: %v", err)
				}
				for _, r := range ready {
					if r.Events == 0 || r.Events&^r.Key.Events != 0 || r.Events&edge != 0 || r.File == nil {
						fail("ready for %v of %v", r.Events, r.Key.Events)
					}
				}
			}
		})
	}
	var all sync.WaitGroup
	for range workers {
		private := rand.New(rand.NewPCG(random.Uint64(), 0))
		all.Go(func() {
			for range steps {
				m := members[private.IntN(files)]
				m.guard.Lock()
				if err := m.step(t, sel, private); err != nil {
					fail("%v", err)
				}
				m.guard.Unlock()
			}
		})
	}
	all.Wait()
	close(stop)
	looking.Wait()
	for i, m := range members {
		if m.registered != 0 && !m.closed {
			m.registered &^= edge
			if _, err := sel.Modify(m.file, m.registered, i); err != nil {
				fail("Modify: %v", err)
			}
		}
	}
	if _, err := sel.TrySelect(); err != nil { // which may find out that something is stale
		fail("TrySelect: %v", err)
	}
	ready, err := sel.TrySelect()
	if err != nil {
		fail("TrySelect: %v", err)
	}
	got := map[any]selectors.Event{}
	for _, r := range ready {
		got[r.File] |= r.Events
	}
	want, registered, toWatch := map[any]selectors.Event{}, 0, 0
	regulars := 0
	for _, m := range members {
		if m.registered == 0 {
			continue
		}
		registered++
		if m.closed {
			continue
		}
		if _, ok := m.file.(*os.File); ok {
			regulars++
		} else {
			toWatch++
		}
		if e := pollOf(t, m.file.(syscall.Conn)) & m.registered; e != 0 {
			want[m.file] = e
		}
	}
	if regulars > 0 {
		toWatch++ // the pipe
	}
	for _, m := range members {
		if got[m.file] != want[m.file] {
			fail("%T is ready for %v, want %v of %v, closed %t", m.file, got[m.file], want[m.file], m.registered, m.closed)
		}
		delete(got, m.file)
	}
	if len(got) > 0 {
		fail("also ready: %v", got)
	}
	if sel.Len() != registered {
		fail("%d are registered, want %d", sel.Len(), registered)
	}
	if n := len(watched(t, sel)); n < toWatch { // it may be more: what is stale is noticed when it is ready
		fail("the kernel watches %d, want %d", n, toWatch)
	}
	for _, m := range members {
		m.close()
		if m.other != nil {
			_ = m.other.Close()
		}
		for _, d := range m.duplicates {
			_ = d.Close()
		}
	}
	return !wrong.Load()
}

func newMember(t *testing.T, isRegular bool) *member {
	if isRegular {
		return &member{file: regular(t, "")}
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return &member{file: ends[0], other: ends[1]}
}

func (m *member) close() {
	m.closed = true
	switch f := m.file.(type) {
	case net.Conn:
		_ = f.Close()
	case *os.File:
		_ = f.Close()
	}
}

// step makes a random call, and says what is wrong about its answer.
func (m *member) step(t *testing.T, sel *selectors.Selector[int], random *rand.Rand) error {
	e := selectors.Event(1 + random.IntN(3))
	if random.IntN(3) == 0 {
		e |= edge
	}
	wrong := func(call string, err error) error {
		return fmt.Errorf("%s of one that is registered for %v and closed %t: %w", call, m.registered, m.closed, err)
	}
	switch random.IntN(9) {
	case 0, 1:
		_, err := sel.Register(m.file, e, 0)
		switch {
		case m.registered != 0:
			if !errors.Is(err, selectors.ErrRegistered) {
				return wrong("Register", err)
			}
		case m.closed:
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrClosed) {
				return wrong("Register", err)
			}
		case err != nil:
			return wrong("Register", err)
		default:
			m.registered = e
		}
	case 2:
		_, err := sel.Modify(m.file, e, 1)
		switch {
		case m.registered == 0:
			if !errors.Is(err, selectors.ErrNotRegistered) {
				return wrong("Modify", err)
			}
		case err == nil:
			m.registered = e
		case !m.closed:
			return wrong("Modify", err)
		}
	case 3:
		err := sel.Unregister(m.file)
		if (err == nil) != (m.registered != 0) || err != nil && !errors.Is(err, selectors.ErrNotRegistered) {
			return wrong("Unregister", err)
		}
		m.registered = 0
	case 4:
		if m.other != nil {
			_, err := selectors.TryWrite(m.other, []byte("x"))
			if err != nil && err != selectors.ErrWouldBlock && !errors.Is(err, syscall.EPIPE) && !strings.Contains(err.Error(), "closed") {
				return wrong("TryWrite", err)
			}
		}
	case 5:
		_, _ = selectors.TryRead(m.file, make([]byte, 9))
	case 6:
		if c, ok := m.file.(*net.UnixConn); ok && !m.closed && len(m.duplicates) < 2 {
			if d, err := c.File(); err == nil {
				m.duplicates = append(m.duplicates, d)
			}
		}
	case 7:
		m.close()
	case 8:
		if m.closed && m.registered == 0 { // a new one, which is given a number that was used
			if m.other != nil {
				_ = m.other.Close()
			}
			for _, d := range m.duplicates {
				_ = d.Close()
			}
			fresh := newMember(t, random.IntN(8) == 0)
			m.file, m.other, m.duplicates, m.closed = fresh.file, fresh.other, nil, false
		}
	}
	return nil
}

// pollOf returns what a Selector for this file alone says.
func pollOf(t *testing.T, file syscall.Conn) selectors.Event {
	other, err := selectors.New[int]()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Register(file, read|writes, 0); err != nil {
		t.Fatal(err)
	}
	ready, err := other.TrySelect()
	if err != nil {
		t.Fatal(err)
	}
	if len(ready) == 0 {
		return 0
	}
	return ready[0].Events
}

// Close at any moment wakes everybody, and no call does anything else afterwards.
func TestCloseRacesEverything(t *testing.T) {
	defer proof.Watch(t)()
	r, w := pipe(t)
	write(t, w, "x")
	f := regular(t, "")
	for range proof.Rounds(400, 10, 8) {
		sel, err := selectors.New[int]()
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		loop := func(call func() error) {
			all.Go(func() {
				for {
					err := call()
					if err == selectors.ErrClosed {
						return
					}
					if err != nil && !errors.Is(err, selectors.ErrRegistered) && !errors.Is(err, selectors.ErrNotRegistered) {
						t.Error(err)
						return
					}
				}
			})
		}
		loop(func() error { _, err := sel.Register(r, read, 1); return err })
		loop(func() error { _, err := sel.Modify(r, read|edge, 1); return err })
		loop(func() error { return sel.Unregister(r) })
		loop(func() error { _, err := sel.Register(f, read, 1); return err })
		loop(func() error { return sel.Unregister(f) })
		loop(func() error { _, err := sel.Select(); return err })
		loop(func() error { _, err := sel.SelectTimeout(hang); return err })
		loop(func() error { _, err := sel.TrySelect(); return err })
		time.Sleep(time.Duration(rand.IntN(200_000)))
		if err := sel.Close(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
	}
}
