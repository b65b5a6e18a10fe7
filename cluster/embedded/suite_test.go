package embedded_test

import (
	"context"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gothreading/threading/cluster/embedded"
	"github.com/gothreading/threading/internal/managertest"
	"github.com/gothreading/threading/manager"
)

var background = context.Background()

// hang is a limit that only a test which hangs reaches, however busy the machine and its disk are.
const hang = 5 * time.Minute

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

func opened(t testing.TB, addr string, opts ...manager.Option) *manager.Manager {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, hang)
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
			// No session is lost only because this process could not run.
			return opened(t, addr(t), append([]manager.Option{manager.TTL(time.Minute)}, opts...)...)
		},
		AnyGetter:    true,
		DiesNotified: true,
		MaxValue:     1 << 20,
		ShortTTL:     time.Second,
		SideBySide:   true,
	}
}

func TestSuiteOnEtcd(t *testing.T) {
	addr := served(t)
	managertest.Run(t, world(func(t testing.TB) string { return addr + url.PathEscape(t.Name()) }))
}

// The process that serves the directory is one of those that use the objects; others open its address.
func TestSuiteOnADirectory(t *testing.T) {
	dir := t.TempDir()
	serves := opened(t, "etcd+dir:"+dir)
	t.Cleanup(func() {
		if err := serves.Close(); err != nil {
			t.Error(err)
		}
	})
	host := strings.TrimSuffix(serves.Addr(), "/")
	var n atomic.Int32
	managertest.Run(t, world(func(t testing.TB) string {
		if n.Add(1)%2 == 0 {
			return "etcd+dir:" + dir + "?" + t.Name()
		}
		return host + "/" + url.PathEscape(t.Name())
	}))
}
