//go:build !threadingdebug

package diagnose

import "github.com/gothreading/threading/internal/traceback"

// Full reports whether this build has the tag threadingdebug, and so knows who holds
// what.
const Full = false

// Name gives a primitive a name in reports: x is the address of one of this toolkit.
// Without the tag threadingdebug it does nothing, and x does not escape. A value that
// is no such address is ignored.
func Name(x any, name string) {}

// A looked is what is known of holders: nothing.
type looked struct{}

func look() *looked { return nil }

func (*looked) object(*traceback.Goroutine, *traceback.Wait) (string, *Object) { return "", nil }
func (*looked) complete(*traceback.Goroutine, *Party)                          {}

func (r *reading) full(*looked) {}

// history returns how many findings there have been that come when they happen, and
// those behind the first n.
func history(n int) (int, []Finding) { return 0, nil }

// holds returns what goroutines hold.
func (r *reading) holds() []Object { return nil }

func subscribe(func(Finding)) (stop func()) { return func() {} }
