//go:build threadingdebug

package watch

import (
	"reflect"
	"strings"
	"sync"
	"weak"
)

// module is where the types are that can have a name.
const module = "github.com/gothreading/threading"

// names are those of what has no Mark, by its address.
var names struct {
	guard sync.Mutex
	all   map[weak.Pointer[byte]]named
}

type named struct {
	start, end uintptr
	name       string
}

// Name names what x points to. It ignores what is no pointer to a type of this module.
func Name(x any, name string) {
	v := reflect.ValueOf(x)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct ||
		!strings.HasPrefix(v.Type().Elem().PkgPath(), module) || strings.HasSuffix(v.Type().Elem().PkgPath(), "_test") {
		return
	}
	at := v.UnsafePointer()
	for t := v.Type().Elem(); t.Kind() == reflect.Struct && t.NumField() > 0; t = t.Field(0).Type {
		if t.Field(0).Type == reflect.TypeFor[Mark]() {
			(*Mark)(at).of(kinds[v.Type().Elem().PkgPath()[len(module):]]).Name.Store(&name)
			return
		}
	}
	names.guard.Lock()
	defer names.guard.Unlock()
	if names.all == nil {
		names.all = map[weak.Pointer[byte]]named{}
	}
	for p := range names.all {
		if p.Value() == nil {
			delete(names.all, p)
		}
	}
	start := uintptr(at)
	names.all[weak.Make((*byte)(at))] = named{start, start + max(v.Type().Elem().Size(), 1), name}
}

var kinds = map[string]What{
	"/lock": Lock, "/rlock": RLock, "/rwlock": Writer, "/thread": Thread, "/pool": Task, "/queue": Queue,
}

// NameAt returns the name of what has that address in it, or "".
func NameAt(address uintptr) string {
	names.guard.Lock()
	defer names.guard.Unlock()
	for p, n := range names.all {
		if n.start <= address && address < n.end && p.Value() != nil {
			return n.name
		}
	}
	return ""
}
