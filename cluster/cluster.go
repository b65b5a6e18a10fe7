// Package cluster keeps the objects of package manager in etcd, where they
// outlive processes and machines, and adds what only a durable store can: a pool
// of tasks, schedules, and transactions over several objects.
//
// Importing it makes [manager.Open] understand addresses of etcd:
//
//	etcd://10.0.0.1,10.0.0.2,10.0.0.3/app
//
// The last part is a namespace; programs that share objects name the same. A
// program without an etcd to talk to can have one inside: package
// [github.com/gothreading/threading/cluster/embedded].
package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/gothreading/threading/cluster/internal/etcd"
	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/manager"
)

// A Cluster is a [manager.Manager] whose objects are in etcd, with what etcd adds
// to it. It may be used by any number of goroutines.
type Cluster struct {
	*manager.Manager
	b     *etcd.Backend
	codec manager.Codec
}

// A Config says where etcd is and how to talk to it.
type Config struct {
	Endpoints []string // "10.0.0.1:2379", or with https:// before it
	Namespace string   // who shares objects names the same; "" is "default"

	TLS                *tls.Config
	Username, Password string

	TTL    time.Duration // how long a session outlives its process; 0 is 10 s, less than 2 s is 2 s
	Codec  manager.Codec // nil is JSON
	Logger *slog.Logger  // nil logs nothing
}

// Open opens a session. ctx bounds the opening; the session lasts until Close. If
// nobody has answered when ctx ends at a deadline, the error is also
// [manager.ErrNoServer].
func Open(ctx context.Context, c Config) (*Cluster, error) {
	if backend.Ended(ctx) {
		return nil, backend.Cause(ctx)
	}
	codec := c.Codec
	if codec == nil {
		codec = etcd.JSON{}
	}
	b, err := etcd.Open(ctx, etcd.Config{
		Addr:      etcd.Address(c.Endpoints, c.Namespace),
		Endpoints: c.Endpoints, Namespace: c.Namespace,
		TLS: c.TLS, Username: c.Username, Password: c.Password,
		TTL: c.TTL, Logger: c.Logger, Codec: codec,
	})
	if err != nil {
		return nil, err
	}
	return &Cluster{backend.NewManager(b, codec).(*manager.Manager), b, codec}, nil
}

// From returns the Cluster of a Manager that was opened at an address of etcd, or
// an error that is [errors.ErrUnsupported]. Both have one session; Close of either
// ends it.
func From(m *manager.Manager) (*Cluster, error) {
	b, ok := backend.Of(m).(*etcd.Backend)
	if !ok {
		return nil, backend.Errorf(errors.ErrUnsupported, "cluster.From: %q is no address of etcd", m.Addr())
	}
	return &Cluster{m, b, b.Codec()}, nil
}

func init() { manager.RegisterScheme("etcd", etcd.OpenAddress) }
