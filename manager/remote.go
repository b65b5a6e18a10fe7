package manager

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/gothreading/threading/internal/backend"
	"github.com/gothreading/threading/internal/sentinel"
	"github.com/gothreading/threading/thread"
)

// A RemoteError is an error, or a panic, of a function that ran elsewhere: its
// text, the name of its type, and the stack of a panic. To [errors.Is] it is each
// error that this toolkit and package context export which the original was; to
// [errors.As] one of a panic is also a [*thread.PanicError], with the text as its
// Value.
type RemoteError struct {
	Type, Text string
	Stack      []byte

	is []error
}

func (e *RemoteError) Error() string { return e.Text }

func (e *RemoteError) Unwrap() []error {
	if e.Stack == nil {
		return e.is
	}
	return append([]error{&thread.PanicError{Value: e.Text, Stack: e.Stack}}, e.is...)
}

// faultOf turns an error into what travels.
func faultOf(err error) *backend.Fault {
	f := &backend.Fault{Type: reflect.TypeOf(err).String(), Text: err.Error(), Is: sentinel.Names(err)}
	var (
		p *thread.PanicError
		r *RemoteError
	)
	switch {
	case errors.As(err, &r) && err == error(r):
		f.Type, f.Stack = r.Type, r.Stack // it has come further already
	case errors.As(err, &p):
		f.Stack = p.Stack
		if err == error(p) {
			f.Type, f.Text = fmt.Sprintf("%T", p.Value), fmt.Sprint(p.Value)
		}
	}
	return f
}

func remoteError(f backend.Fault) error {
	return &RemoteError{Type: f.Type, Text: f.Text, Stack: f.Stack, is: sentinel.Errors(f.Is)}
}

func init() {
	backend.FaultOf = func(err error) backend.Fault { return *faultOf(err) }
	backend.RemoteError = remoteError
}
