//go:build unix

package manager_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
)

func init() {
	roles["many"] = func(addr string, say func(...any)) {
		addr, number, _ := strings.Cut(addr, "#")
		n := 0
		_, _ = fmt.Sscan(number, &n)
		var ms []*manager.Manager
		for i := range n {
			m, err := manager.Open(background, addr)
			if err != nil {
				say(err)
				return
			}
			if i%100 == 0 {
				m.Semaphore("s", math.MaxInt32).Acquire()
			}
			ms = append(ms, m)
		}
		defer func() { runtime.KeepAlive(ms) }()
		say("open")
		forever()
	}
}

// Ten thousand connections, of which all die at once: the server serves others meanwhile, and nothing is left of them.
func TestTenThousandConnections(t *testing.T) {
	defer proof.Watch(t)()
	n := 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if room := int(min(limit.Cur, math.MaxInt32)) - 200; room < n {
		t.Logf("only %d connections: a process may have %d files", room, limit.Cur)
		n = room
	}
	if testing.Short() || proof.Race {
		n /= 5 // each is a goroutine or two, in two processes
	}
	m := started(t)
	before := runtime.NumGoroutine()
	c := spawn(t, "many", fmt.Sprint(m.Addr(), "#", n))
	c.says("open")
	other := opened(t, m.Addr())
	defer other.Close()
	s := other.Semaphore("s", math.MaxInt32)
	if out := math.MaxInt32 - s.Value(); out != (n+99)/100 {
		t.Errorf("%d permits are out, want %d", out, (n+99)/100)
	}
	c.kill()
	until(func() bool { return s.Value() == math.MaxInt32 && runtime.NumGoroutine() < before+50 })
}

func init() {
	roles["user"] = func(addr string, say func(...any)) {
		if err := syscall.Setuid(nobody); err != nil {
			say("setuid:", err)
			return
		}
		m, err := manager.Open(background, addr)
		if err == nil {
			m.Event("touched").Set()
		}
		say(errors.Is(err, manager.ErrDenied), err)
	}
}

const nobody = 65534

// Another user of the machine is refused, whatever the permissions of the socket, unless it is allowed.
func TestAnotherUserIsRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	defer proof.Watch(t)()
	for _, allowed := range []bool{false, true} {
		m := opened(t, "mem:")
		l, addr := socket(t)
		path := strings.TrimPrefix(addr, "unix:")
		if err := errors.Join(os.Chmod(path, 0o777), os.Chmod(filepath.Dir(path), 0o777)); err != nil {
			t.Fatal(err)
		}
		for dir := filepath.Dir(path); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
			if info, err := os.Stat(dir); err != nil || info.Mode()&1 == 0 {
				t.Skip("another user does not come to ", dir)
			}
		}
		ctx, cancel := context.WithCancel(background)
		var opts []manager.Option
		if allowed {
			opts = []manager.Option{manager.AllowUID(1), manager.AllowUID(nobody)}
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = m.Serve(ctx, l, opts...) })
		c := spawn(t, "user", addr)
		line, _ := c.line()
		switch {
		case strings.HasPrefix(line, "setuid:"):
			t.Skip("this root cannot be another user:", line)
		case allowed && line != "false <nil>":
			t.Errorf("allowed: %s", line)
		case !allowed && (!strings.HasPrefix(line, "true ") || !strings.Contains(line, "does not serve user 65534")):
			t.Errorf("not allowed: %s", line)
		}
		if m.Event("touched").IsSet() != allowed {
			t.Error("what another user did:", !allowed)
		}
		if err := openErr(addr); err != nil { // its own
			t.Error(err)
		}
		cancel()
		wg.Wait()
		_ = m.Close()
	}
}

func init() {
	roles["foreign-server"] = func(addr string, say func(...any)) {
		if err := syscall.Setuid(nobody); err != nil {
			say("setuid:", err)
			return
		}
		m := open("mem:")
		l, err := net.Listen("unix", strings.TrimPrefix(addr, "unix:"))
		if err != nil {
			say("listen:", err)
			return
		}
		go func() { _ = m.Serve(background, l, manager.AllowUID(0)) }()
		say("serves")
		forever()
	}
}

// Nor does a client trust a server of another user, which could have taken the place of its own.
func TestAServerOfAnotherUserIsRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	defer proof.Watch(t)()
	dir := proof.ShortDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	addr := "unix:" + dir + "/s"
	c := spawn(t, "foreign-server", addr)
	if line, _ := c.line(); line != "serves" {
		t.Skip("this root cannot be another user:", line)
	}
	if err := openErr(addr); !errors.Is(err, manager.ErrDenied) || !strings.Contains(err.Error(), "65534") {
		t.Error(err)
	}
	if err := openErr(addr, manager.AllowUID(nobody)); err != nil {
		t.Error("allowed:", err)
	}
}

// Whoever deletes a lock while others use it never makes two of it.
func TestDeleteNeverMakesTwo(t *testing.T) {
	ms := pair(t)
	var inside, deleted atomic.Int64
	for first := true; first || deleted.Load() == 0; first = false { // few rounds may not meet a moment in which it is free
		race(t, proof.Rounds(20_000, 10, 2), 3, ms, func(r *racer, m *manager.Manager) {
			if r.IntN(4) == 0 {
				err := m.Delete(background, manager.KindLock, "l")
				switch {
				case err == nil:
					deleted.Add(1)
				case !errors.Is(err, manager.ErrBusy) && !errors.Is(err, manager.ErrNotFound):
					t.Error(err)
				}
				return
			}
			l := m.Lock("l")
			if r.IntN(2) == 0 {
				l.Lock()
			} else if !l.LockTimeout(r.soon()) {
				return
			}
			if inside.Add(1) != 1 {
				t.Error("two are inside")
			}
			inside.Add(-1)
			l.Unlock()
		})
	}
}

// Sessions are ended at random while everything is in use. In each process at most one is inside a lock, whether or not
// it has lost it, and in the end nothing is held.
func TestSessionsThatEndAtRandom(t *testing.T) {
	ms := pair(t)
	type rooms struct{ lock, rlock atomic.Int32 }
	inside := make(map[*manager.Manager]*rooms)
	for _, m := range ms {
		inside[m] = new(rooms)
	}
	enter := func(n *atomic.Int32) {
		if n.Add(1) != 1 {
			t.Error("two of one process are inside")
		}
	}
	race(t, proof.Rounds(12_000, 10, 3), 3, ms, func(r *racer, m *manager.Manager) {
		in := inside[m]
		switch r.IntN(8) {
		case 0:
			other := ms[r.IntN(len(ms))]
			if err := m.End(background, other.ID()); err != nil && !errors.Is(err, manager.ErrNotFound) {
				t.Error(err)
			}
		case 1, 2:
			l := m.Lock("l")
			l.Lock()
			enter(&in.lock)
			runtime.Gosched()
			in.lock.Add(-1)
			if err := l.UnlockContext(background); err != nil && !errors.Is(err, manager.ErrLost) {
				t.Error(err)
			}
		case 3:
			s := m.BoundedSemaphore("s", 2)
			if s.AcquireTimeout(time.Millisecond) {
				if err := s.ReleaseContext(background); err != nil && !errors.Is(err, manager.ErrLost) {
					t.Error(err)
				}
			}
		case 4:
			q := manager.NewQueue[int](m, "q", 4, manager.Joinable(), manager.MaxDeliveries(math.MaxInt32))
			if _, err := q.GetTimeout(r.soon()); err == nil {
				q.TaskDone()
			}
		case 5:
			q := manager.NewQueue[int](m, "q", 4, manager.Joinable())
			_ = q.PutTimeout(1, r.soon())
		case 6:
			c := m.Condition("c", nil)
			c.Lock()
			enter(&in.rlock)
			in.rlock.Add(-1)
			c.WaitTimeout(r.soon())
			enter(&in.rlock)
			in.rlock.Add(-1)
			c.Unlock()
		case 7:
			c := m.Condition("c", nil)
			c.Lock()
			enter(&in.rlock)
			c.Notify(1)
			in.rlock.Add(-1)
			c.Unlock()
		}
	})
	m := opened(t, ms[0].Addr())
	defer m.Close()
	m.Lock("l").Lock()
	m.RLock("c").Lock()
	until(func() bool { return m.BoundedSemaphore("s", 2).Value() == 2 })
	q := manager.NewQueue[int](m, "q", 4, manager.Joinable())
	until(func() bool { return q.Len() == q.Unfinished() })
	if n := len(q.Drain()); n != q.Unfinished() {
		t.Errorf("%d are inside and %d unfinished", n, q.Unfinished())
	}
}
