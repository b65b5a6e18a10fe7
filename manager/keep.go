package manager

import (
	"reflect"
	"strings"
	"sync"
	"unsafe"
)

// keep returns a function that puts *self back to what it is now, with all that it
// consists of: what its pointers, slices, maps and interfaces lead to, unexported
// fields included. Channels, functions, and types that have a lock or an atomic in
// them behind a pointer, such as an *os.File, are shared and not part of it.
func keep[T any](self *T) (restore func()) {
	v := reflect.ValueOf(self).Elem()
	if flat(v.Type()) {
		was := *self
		return func() { *self = was }
	}
	was := reflect.New(v.Type()).Elem()
	c := copier{seen: make(map[seen]reflect.Value)}
	c.copy(was, v)
	return func() { v.Set(was) }
}

// A copier copies a graph of values. Pointers and maps that meet in the original
// meet in the copy.
type copier struct{ seen map[seen]reflect.Value }

type seen struct {
	of unsafe.Pointer
	t  reflect.Type
}

// copy makes to, which can be set, a copy of from.
func (c *copier) copy(to, from reflect.Value) {
	t := from.Type()
	if flat(t) {
		open(to).Set(open(from))
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if from.IsNil() || opaque(t.Elem()) {
			open(to).Set(open(from))
			return
		}
		c.shared(to, from, func() reflect.Value { return reflect.New(t.Elem()) }, func(made reflect.Value) {
			c.copy(made.Elem(), from.Elem())
		})
	case reflect.Map:
		if from.IsNil() {
			open(to).Set(open(from))
			return
		}
		c.shared(to, from, func() reflect.Value { return reflect.MakeMapWithSize(t, from.Len()) }, func(made reflect.Value) {
			for i := open(from).MapRange(); i.Next(); {
				k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
				c.copy(k, addressable(i.Key()))
				c.copy(e, addressable(i.Value()))
				made.SetMapIndex(k, e)
			}
		})
	case reflect.Slice:
		if from.IsNil() {
			open(to).Set(open(from))
			return
		}
		// With what lies beyond its length: append may have written there on behalf of another slice of it.
		all := open(from).Slice(0, from.Cap())
		made := reflect.MakeSlice(t, all.Len(), all.Len())
		if flat(t.Elem()) {
			reflect.Copy(made, all)
		} else {
			for i := range all.Len() {
				c.copy(made.Index(i), all.Index(i))
			}
		}
		open(to).Set(made.Slice(0, from.Len()))
	case reflect.Interface:
		if from.IsNil() {
			open(to).Set(open(from))
			return
		}
		made := reflect.New(from.Elem().Type()).Elem()
		c.copy(made, addressable(open(from).Elem()))
		open(to).Set(made)
	case reflect.Struct:
		for i := range t.NumField() {
			c.copy(to.Field(i), from.Field(i))
		}
	case reflect.Array:
		for i := range t.Len() {
			c.copy(to.Index(i), from.Index(i))
		}
	default:
		open(to).Set(open(from))
	}
}

// shared copies what several may lead to, once.
func (c *copier) shared(to, from reflect.Value, make func() reflect.Value, fill func(made reflect.Value)) {
	key := seen{from.UnsafePointer(), from.Type()}
	made, ok := c.seen[key]
	if !ok {
		made = make()
		c.seen[key] = made
		fill(made)
	}
	open(to).Set(made)
}

// open returns v without the rule that unexported fields cannot be used.
func open(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
	}
	return v
}

// addressable returns a place that has v.
func addressable(v reflect.Value) reflect.Value {
	place := reflect.New(v.Type()).Elem()
	place.Set(v)
	return place
}

var (
	flats   sync.Map // reflect.Type -> bool
	opaques sync.Map
)

// flat reports whether a value of t has nothing in it that leads elsewhere.
func flat(t reflect.Type) bool {
	if is, ok := flats.Load(t); ok {
		return is.(bool)
	}
	is := true
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		is = false
	case reflect.Array:
		is = t.Len() == 0 || flat(t.Elem())
	case reflect.Struct:
		// A time.Time leads to its location, which nobody changes.
		if t.PkgPath() != "time" {
			for i := range t.NumField() {
				is = is && flat(t.Field(i).Type)
			}
		}
	}
	flats.Store(t, is)
	return is
}

// opaque reports whether t has a lock or an atomic in it, at any depth, or is not
// Go's at all: a value of it has an identity, and is no data.
func opaque(t reflect.Type) bool {
	if is, ok := opaques.Load(t); ok {
		return is.(bool)
	}
	opaques.Store(t, false) // for a type that contains itself
	is := hasIdentity(t)
	opaques.Store(t, is)
	return is
}

func hasIdentity(t reflect.Type) bool {
	switch path := t.PkgPath(); {
	case path == "sync", path == "sync/atomic", strings.HasPrefix(path, "internal/"), path == "runtime":
		return true
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return hasIdentity(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i).Type; f.Kind() == reflect.Pointer && opaque(f.Elem()) || f.Kind() != reflect.Pointer && hasIdentity(f) {
				return true
			}
		}
	}
	return false
}
