package manager

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
	"github.com/gothreading/threading/internal/backend/wire"
)

// Start makes a Manager that keeps its objects in this process and serves them to
// other processes of the same user: Python's multiprocessing.Manager(). Give
// [Manager.Addr] to those, for [Open]. Calls of this process do not touch the
// socket, which is in a folder of its own, for this user only, until Close. The
// objects end with the process, or with Close.
//
// Where the system does not tell which user connects, Start returns an
// [errors.ErrUnsupported].
func Start(opts ...Option) (*Manager, error) {
	o := settings(opts)
	if o.Codec == nil {
		o.Codec = jsonCodec{}
	}
	if err := o.Only("Start", "Label", "Logger", "AllowUID"); err != nil {
		return nil, err
	}
	l, remove, err := wire.Listen()
	if err != nil {
		return nil, err
	}
	store := local.NewStore()
	store.Limit(wire.MaxValue)
	store.Knows(o.Codec)
	ctx, cancel := context.WithCancelCause(context.Background())
	served := make(chan struct{})
	closing := sync.OnceFunc(func() {
		cancel(ErrClosed)
		<-served
		remove()
	})
	b := store.NewClient("unix:"+l.Addr().String(), local.LabelOr(o.Label), nil, closing)
	go func() {
		defer close(served)
		_ = wire.Serve(ctx, store, l, backend.Options{Logger: o.Logger, UIDs: o.UIDs})
	}()
	return newManager(b, o.Codec), nil
}

// Serve serves the objects of m, which was opened as "mem:" or made by [Start], to
// other processes, until ctx ends, and returns its cause; or ErrClosed, when m is
// closed. When it returns, l and all connections are closed, and those sessions
// have ended. A server is five lines:
//
//	m, err := manager.Open(ctx, "mem:")
//	…
//	l, err := net.Listen("unix", "/run/app.sock")
//	…
//	err = m.Serve(ctx, l)
//
// l has to be a Unix socket with a path, since there the kernel tells who
// connects: Serve refuses others with ErrInsecure. It serves its own user, and
// those of [AllowUID], and nobody else, whatever the permissions of the socket.
// Any process that may connect may do anything with the objects, and end the
// sessions of others; what it sends is data, and is never executed.
func (m *Manager) Serve(ctx context.Context, l net.Listener, opts ...Option) error {
	b, ok := m.backend.(*local.Client)
	if !ok {
		return backend.Errorf(errors.ErrUnsupported, "manager: Serve of a Manager that was opened as %s", m.Addr())
	}
	if err := m.ended(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(backend.Sound(ctx))
	defer cancel(nil)
	defer b.OnClose(func() { cancel(ErrClosed) })()
	return wire.Serve(ctx, b.Store(), l, settings(opts))
}
