//go:build !threadingdebug

package watch

import "github.com/gothreading/threading/internal/park"

// On reports whether the build tag threadingdebug is set. Each call of this package
// stands behind it, so that in an ordinary build there is nothing.
const On = false

// A Mark is the first field of what is watched. It takes no memory.
type Mark struct{}

// These do nothing. See the file for the tag.

func (*Mark) Attempt(What)                                            {}
func (*Mark) Taken(What)                                              {}
func (*Mark) Release(What)                                            {}
func (*Mark) Downgrade()                                              {}
func (*Mark) Begin(*Mark)                                             {}
func (*Mark) End()                                                    {}
func (*Mark) Took()                                                   {}
func (*Mark) Renew()                                                  {}
func (*Mark) Wait(_ What, l park.Limit, w func(park.Limit) bool) bool { return w(l) }
func Describe[T any](*Mark, What, *T, func(*T) Stat)                  {}
