package manager

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/backend/local"
	"github.com/gothreading/threading/internal/backend/wire"
)

// Open opens a session at an address; the package comment lists the schemes. ctx
// bounds the opening; the session lasts until Close. Open returns [ErrNoServer]
// if no process serves there, and [ErrDenied] if the server is another user's or
// refuses this one.
func Open(ctx context.Context, addr string, opts ...Option) (*Manager, error) {
	scheme, _, found := strings.Cut(addr, ":")
	open, known := lookup(scheme)
	switch {
	case !found:
		return nil, backend.Errorf(ErrValue, "Open(%q): want an address such as %q, %q or %q", addr, "mem:", "unix:/run/app.sock", "etcd://host/app")
	case !known && (scheme == "etcd" || scheme == "etcd+dir"):
		path := map[string]string{"etcd": "cluster", "etcd+dir": "cluster/embedded"}[scheme]
		return nil, fmt.Errorf("manager: Open(%q): the program needs import _ %q", addr, "github.com/gothreading/threading/"+path)
	case !known:
		return nil, backend.Errorf(ErrValue, "Open(%q): no scheme %q: want one of %s", addr, scheme, strings.Join(schemeNames(), ", "))
	}
	if backend.Ended(ctx) {
		return nil, backend.Cause(ctx)
	}
	o := settings(opts)
	if o.Codec == nil {
		o.Codec = jsonCodec{}
	}
	b, err := open(ctx, addr, o)
	if err != nil {
		return nil, err
	}
	return newManager(b, o.Codec), nil
}

var (
	schemesGuard sync.Mutex
	schemes      = make(map[string]backend.Opener)
)

// RegisterScheme makes Open open addresses of a scheme. It is for the other
// packages of this module's project, which do it when they are imported. A scheme
// twice panics with ErrDuplicate.
func RegisterScheme(scheme string, open backend.Opener) {
	if open == nil {
		panic("manager: RegisterScheme with a nil function")
	}
	schemesGuard.Lock()
	defer schemesGuard.Unlock()
	if _, known := schemes[scheme]; known {
		panic(backend.Errorf(ErrDuplicate, "RegisterScheme(%q)", scheme))
	}
	schemes[scheme] = open
}

func lookup(scheme string) (backend.Opener, bool) {
	schemesGuard.Lock()
	defer schemesGuard.Unlock()
	open, known := schemes[scheme]
	return open, known
}

func schemeNames() (names []string) {
	schemesGuard.Lock()
	defer schemesGuard.Unlock()
	for scheme := range schemes {
		names = append(names, scheme+":")
	}
	slices.Sort(names)
	return names
}

func init() {
	RegisterScheme("mem", local.Open)
	RegisterScheme("unix", wire.Open)
}
