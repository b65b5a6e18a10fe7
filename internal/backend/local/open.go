package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gothreading/threading/internal/backend"
)

// The stores that have a name, and how many have them open.
var named = struct {
	guard  sync.Mutex
	stores map[string]*shared
}{stores: make(map[string]*shared)}

type shared struct {
	store *Store
	open  int
}

// Open opens "mem:", a Store of its own, or "mem:NAME", which it shares until the last is closed.
func Open(_ context.Context, addr string, o backend.Options) (backend.Backend, error) {
	if err := o.Only("mem:", "Label"); err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(addr, "mem:")
	st, closing := NewStore(), func() {}
	if name != "" {
		st, closing = share(name)
	}
	st.Knows(o.Codec)
	return st.NewClient(addr, LabelOr(o.Label), nil, sync.OnceFunc(closing)), nil
}

func share(name string) (st *Store, closing func()) {
	named.guard.Lock()
	defer named.guard.Unlock()
	s := named.stores[name]
	if s == nil {
		s = &shared{store: NewStore()}
		named.stores[name] = s
	}
	s.open++
	return s.store, func() {
		named.guard.Lock()
		defer named.guard.Unlock()
		if s.open--; s.open == 0 {
			delete(named.stores, name)
		}
	}
}

// LabelOr returns a label, by default the program and its process id.
func LabelOr(label string) string {
	if label == "" {
		label = fmt.Sprintf("%s[%d]", filepath.Base(os.Args[0]), os.Getpid())
	}
	return label
}
