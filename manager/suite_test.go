package manager_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gothreading/threading/internal/managertest"
	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/manager"
)

// mem opens a store of its own for each test.
func mem(bubble bool) managertest.World {
	return managertest.World{
		Open: func(t testing.TB, opts ...manager.Option) *manager.Manager {
			return opened(t, "mem:"+t.Name(), opts...)
		},
		Bubble:  bubble,
		Barging: true,
		Kept:    true,
	}
}

func opened(t testing.TB, addr string, opts ...manager.Option) *manager.Manager {
	t.Helper()
	m, err := manager.Open(context.Background(), addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSuiteOnMem(t *testing.T)          { managertest.Run(t, mem(false)) }
func TestSuiteOnMemInBubbles(t *testing.T) { managertest.Run(t, mem(true)) }

func TestSuiteOnUnix(t *testing.T) {
	server := started(t)
	managertest.Run(t, managertest.World{
		Open: func(t testing.TB, opts ...manager.Option) *manager.Manager {
			return opened(t, server.Addr(), opts...)
		},
		Barging:  true,
		MaxValue: 16 << 20,
		Kept:     true,
	})
}

// The process that serves is one of those that use the objects, and the first of each case.
func TestSuiteOnUnixWithTheServer(t *testing.T) {
	started(t) // or it is skipped
	served := make(map[testing.TB]string)
	managertest.Run(t, managertest.World{
		Open: func(t testing.TB, opts ...manager.Option) *manager.Manager {
			if addr, ok := served[t]; ok {
				return opened(t, addr, opts...)
			}
			m := opened(t, "mem:"+t.Name(), opts...)
			serves := opened(t, "mem:"+t.Name()) // which lives on when m is closed
			served[t] = serve(t, serves)
			return m
		},
		Barging:  true,
		MaxValue: 16 << 20,
		Kept:     true,
	})
}

// serve serves m until the test ends, and returns the address.
func serve(t testing.TB, m *manager.Manager) (addr string) {
	l, addr := socket(t)
	ctx, cancel := context.WithCancel(background)
	var wg sync.WaitGroup
	wg.Go(func() { _ = m.Serve(ctx, l) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		_ = m.Close()
	})
	return addr
}

// started returns a Manager that serves until the test ends.
func started(t testing.TB, opts ...manager.Option) *manager.Manager {
	t.Helper()
	m, err := manager.Start(opts...)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

var background = context.Background()

// until waits until is reports true.
func until(is func() bool) {
	for pause := 50 * time.Microsecond; !is(); pause = min(2*pause, 10*time.Millisecond) {
		time.Sleep(pause)
	}
}

func panicked(f func()) error {
	err, _ := proof.Recovered(f).(error)
	return err
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func openErr(addr string, opts ...manager.Option) error {
	m, err := manager.Open(background, addr, opts...)
	if err == nil {
		_ = m.Close()
	}
	return err
}

func socket(t testing.TB) (net.Listener, string) {
	t.Helper()
	path := filepath.Join(proof.ShortDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, "unix:" + path
}
