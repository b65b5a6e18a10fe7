package process

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// ErrType is what Register, NewQueue, Pipe and their like panic with for a type
// of which something would be dropped or come back as something else. The value
// of the panic names the field and the reason, and is ErrType to errors.Is.
var ErrType = errors.New("process: values of this type cannot be handed over")

// A shape is what there is to know of a type before values of it are encoded.
type shape struct {
	pointers bool // so it is not encoded as memory
	handles  bool // there are shared objects in it
	walk     bool // values have to be looked at: it refers to itself, or has times
	err      error
}

var shapes sync.Map // reflect.Type -> shape

// shapeOf returns the shape of a type.
func shapeOf(t reflect.Type) shape {
	if s, ok := shapes.Load(t); ok {
		return s.(shape)
	}
	c := checker{within: make(map[reflect.Type]bool), done: make(map[reflect.Type]bool)}
	c.shape.pointers = hasPointers(t)
	c.check(t, t.String())
	shapes.Store(t, c.shape)
	return c.shape
}

// A checker goes through a type, and stops at the first thing that is wrong.
type checker struct {
	shape
	within map[reflect.Type]bool // types that are being gone through: one that is met again refers to itself
	done   map[reflect.Type]bool
}

func (c *checker) refuse(where, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s %s", ErrType, where, fmt.Sprintf(format, args...))
	}
}

var (
	typeTime      = reflect.TypeFor[time.Time]()
	typeBinary    = reflect.TypeFor[encoding.BinaryMarshaler]()
	typeUnbinary  = reflect.TypeFor[encoding.BinaryUnmarshaler]()
	typeMarshal   = reflect.TypeFor[cbor.Marshaler]()
	typeUnmarshal = reflect.TypeFor[cbor.Unmarshaler]()
	typeLocker    = reflect.TypeFor[sync.Locker]()
	thisPackage   = reflect.TypeFor[handle]().PkgPath()
)

// isHandle reports whether t is a pointer to one of this package's shared
// objects.
func isHandle(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == thisPackage && t.Implements(sharedType)
}

func (c *checker) check(t reflect.Type, where string) {
	if c.err != nil || c.done[t] {
		return
	}
	if c.within[t] {
		c.walk = true
		return
	}
	c.within[t] = true
	c.checkOnce(t, where)
	delete(c.within, t)
	c.done[t] = true
}

func (c *checker) checkOnce(t reflect.Type, where string) {
	switch {
	case isHandle(t):
		c.handles = true
		return
	case isHandle(reflect.PointerTo(t)):
		c.refuse(where, "is a %v: hand over a pointer to it", t)
		return
	case t == typeTime:
		c.walk = true
		return
	case t.Implements(typeLocker) || reflect.PointerTo(t).Implements(typeLocker):
		c.refuse(where, "is a %v, which has Lock and Unlock: what is locked here is not locked there", t)
		return
	}
	if c.pointers && c.ownEncoding(t, where) {
		return
	}
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.Uintptr, reflect.UnsafePointer:
		c.refuse(where, "is a %v: it means nothing in another process", t)
	case reflect.Interface:
		c.refuse(where, "is an interface, %v: it would come back as something else", t)
	case reflect.Complex64, reflect.Complex128:
		if c.pointers {
			c.refuse(where, "is a %v in a type with pointers: use two floats", t)
		}
	case reflect.Pointer:
		switch t.Elem().Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if !isHandle(t.Elem()) {
				c.refuse(where, "is a %v: if what it points to is nil, it would come back nil itself", t)
			}
		}
		c.check(t.Elem(), where)
	case reflect.Slice, reflect.Array:
		c.check(t.Elem(), where+"[i]")
	case reflect.Map:
		if t.Key().Kind() == reflect.Pointer {
			c.refuse(where, "is a %v: its keys would be other pointers", t)
		}
		c.check(t.Key(), where+"'s key")
		c.check(t.Elem(), where+"[key]")
	case reflect.Struct:
		c.fields(t, where, make(map[string]string))
	}
}

// ownEncoding reports whether a type says itself how it is encoded.
func (c *checker) ownEncoding(t reflect.Type, where string) bool {
	p := reflect.PointerTo(t)
	for _, pair := range [][2]reflect.Type{{typeMarshal, typeUnmarshal}, {typeBinary, typeUnbinary}} {
		to, from := p.Implements(pair[0]), p.Implements(pair[1])
		if !to && !from {
			continue
		}
		method, back := pair[0].Method(0).Name, pair[1].Method(0).Name
		switch {
		case !to || !from:
			if !to {
				method, back = back, method
			}
			c.refuse(where, "is a %v, which has %s but no %s", t, method, back)
		case t.Kind() == reflect.Struct && t.NumField() > 1 && isPromoted(t, method):
			c.refuse(where, "is a %v, whose %s is that of an embedded field: the others would be dropped", t, method)
		}
		return true
	}
	return false
}

// isPromoted reports whether a method of a struct is that of a field: the
// compiler writes a wrapper then.
func isPromoted(t reflect.Type, name string) bool {
	for _, r := range []reflect.Type{t, reflect.PointerTo(t)} {
		if m, ok := r.MethodByName(name); ok {
			file, _ := runtime.FuncForPC(m.Func.Pointer()).FileLine(m.Func.Pointer())
			return file == "<autogenerated>"
		}
	}
	return false
}

// fields goes through the fields of a struct; those of an embedded one are
// encoded as if they were its own, by names that must not meet.
func (c *checker) fields(t reflect.Type, where string, names map[string]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := where + "." + f.Name
		if !c.pointers || f.Name == "_" {
			c.check(f.Type, at)
			continue
		}
		if !f.IsExported() {
			c.refuse(at, "is not exported, and would be dropped: %v has pointers and no MarshalBinary", t)
			return
		}
		tag := f.Tag.Get("cbor")
		if tag == "" {
			tag = f.Tag.Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		switch kind := f.Type.Kind(); {
		case tag == "-":
			c.refuse(at, "has the tag %q, and would be dropped", f.Tag)
			return
		case strings.Contains(options, "omitzero") && (kind == reflect.Struct || kind == reflect.Array),
			strings.Contains(options, "omit") && (kind == reflect.Slice || kind == reflect.Map):
			c.refuse(at, "has the tag %q: an empty one would come back as another", f.Tag)
			return
		}
		embedded := f.Type
		if f.Anonymous && embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		if f.Anonymous && name == "" && embedded.Kind() == reflect.Struct && !c.encodesItself(embedded) {
			if f.Type != embedded && !isHandle(f.Type) {
				c.refuse(at, "is embedded as a pointer: it would not come back nil, or as it was")
				return
			}
			if !isHandle(f.Type) {
				c.within[embedded] = true
				c.fields(embedded, at, names)
				delete(c.within, embedded)
				continue
			}
		}
		if name == "" {
			name = f.Name
		}
		if other, taken := names[name]; taken {
			c.refuse(at, "has the name of %s, and one of them would be dropped", other)
			return
		}
		names[name] = at
		c.check(f.Type, at)
	}
}

func (c *checker) encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t == typeTime || p.Implements(typeMarshal) || p.Implements(typeBinary)
}

// hasPointers reports whether a type has any. What refers to itself does so by
// one.
func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Pointer, reflect.UnsafePointer, reflect.Func, reflect.Chan, reflect.Map, reflect.Slice, reflect.String,
		reflect.Interface:
		return true
	}
	return false
}
