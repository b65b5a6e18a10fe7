package backend

import (
	"context"
	"sync"
)

// A Type is a registered type of objects.
type Type struct {
	Name string
	New  func() any // a pointer
	// Keep returns what puts self back to what it is now.
	Keep func(self any) (restore func())
	// Dropped returns the name of a field that this codec drops, or "".
	Dropped func(Codec) string

	guard   sync.Mutex
	methods map[string]Method
}

// A Method is a function of a Type. self is what New returned; in and out are encoded by the codec. A Fault is what the
// function returned for an error, or its panic, or that one of these could not be encoded.
type Method func(ctx context.Context, self any, codec Codec, in []byte) (out []byte, fault *Fault)

// Define adds a method. It reports whether there was none of that name.
func (t *Type) Define(name string, m Method) bool {
	t.guard.Lock()
	defer t.guard.Unlock()
	if _, defined := t.methods[name]; defined {
		return false
	}
	if t.methods == nil {
		t.methods = make(map[string]Method)
	}
	t.methods[name] = m
	return true
}

// Method returns a method, or an error that names it.
func (t *Type) Method(name string) (Method, error) {
	t.guard.Lock()
	defer t.guard.Unlock()
	if m, ok := t.methods[name]; ok {
		return m, nil
	}
	return nil, Errorf(ErrNotFound, "type %q has no method %q in the process that serves it", t.Name, name)
}

var types sync.Map // string -> *Type

// RegisterType makes a type known to this process. It reports whether there was none of that name.
func RegisterType(t *Type) bool {
	_, registered := types.LoadOrStore(t.Name, t)
	return !registered
}

// LookupType returns a type that this process knows, or an error that names it.
func LookupType(name string) (*Type, error) {
	if t, ok := types.Load(name); ok {
		return t.(*Type), nil
	}
	return nil, Errorf(ErrNotFound, "type %q is not registered in the process that serves it", name)
}
