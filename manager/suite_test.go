package manager_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/internal/managertest"
	"github.com/gothreading/threading/manager"
)

func TestMain(m *testing.M) {
	if child := os.Getenv(childEnv); child != "" {
		runChild(child)
		return
	}
	goleak.VerifyTestMain(m)
}

var stores atomic.Int64

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

// The process that serves is one of those that use the objects.
func TestSuiteOnUnixWithTheServer(t *testing.T) {
	server := started(t)
	first := make(map[testing.TB]bool)
	managertest.Run(t, managertest.World{
		Open: func(t testing.TB, opts ...manager.Option) *manager.Manager {
			if !first[t] {
				first[t] = true
				return opened(t, server.Addr(), opts...)
			}
			return opened(t, server.Addr(), opts...)
		},
		Barging:  true,
		MaxValue: 16 << 20,
		Kept:     true,
	})
}

// started returns a Manager that serves until the test ends.
func started(t testing.TB, opts ...manager.Option) *manager.Manager {
	t.Helper()
	m, err := manager.Start(opts...)
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
