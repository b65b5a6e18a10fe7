package embedded_test

import (
	"context"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/cluster/embedded"
	"github.com/gothreading/threading/internal/managertest"
	"github.com/gothreading/threading/manager"
)

var background = context.Background()

// served starts a server for the test, and returns the address of it without a namespace.
func served(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "etcd")
	if err != nil {
		t.Fatal(err)
	}
	s, err := embedded.Start(background, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		_ = os.RemoveAll(dir)
	})
	return "etcd://" + s.Endpoints()[0][len("http://"):] + "/"
}

var namespaces atomic.Int64

func opened(t testing.TB, addr string, opts ...manager.Option) *manager.Manager {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, time.Minute)
	defer cancel()
	m, err := manager.Open(ctx, addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func world(addr func(t testing.TB) string) managertest.World {
	return managertest.World{
		Open: func(t testing.TB, opts ...manager.Option) *manager.Manager {
			return opened(t, addr(t), opts...)
		},
		MaxValue: 1 << 20,
		ShortTTL: time.Second,
	}
}

func TestSuiteOnEtcd(t *testing.T) {
	addr := served(t)
	w := world(func(testing.TB) string { return addr + "suite" })
	managertest.Run(t, w)
}
