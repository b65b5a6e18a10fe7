package manager

import (
	"context"
	"log/slog"
	"time"

	"github.com/gothreading/threading/internal/backend"
)

// An Option changes what Start, Open or Serve does. One that does not apply to
// an address is an error of the call.
type Option struct{ set func(*backend.Options) }

// WithCodec encodes values with c instead of JSON. All users of an object have
// to agree: its name is one of the object's parameters.
func WithCodec(c Codec) Option {
	if c == nil {
		panic("manager: WithCodec(nil)")
	}
	return Option{func(o *backend.Options) { o.Codec = c }}
}

// TTL sets for how long a session lives when its process has died or cannot be
// reached: for addresses of more than one machine only, where a lease runs out.
// The default is 10 s; less than 2 s is 2 s.
func TTL(d time.Duration) Option {
	return Option{func(o *backend.Options) { o.TTL = max(d, minTTL) }}
}

const minTTL = 2 * time.Second

// Logger makes a server say whom it refused and what did not go as it should.
// Without it nothing is logged. Names are logged, values are not.
func Logger(l *slog.Logger) Option {
	return Option{func(o *backend.Options) { o.Logger = l }}
}

// Label is what others see of a session in Objects. The default is the name of
// the program with the process id, as in "shop[4711]".
func Label(s string) Option {
	return Option{func(o *backend.Options) { o.Label = s }}
}

// AllowUID lets other users of the machine connect to what this process serves
// on a Unix socket, and lets Open connect to a server of theirs. The socket's
// permissions have to let them, too. Without it a server serves its own user
// only, and Open trusts servers of its own user and of root.
func AllowUID(uid ...int) Option {
	return Option{func(o *backend.Options) { o.UIDs = append(append([]int{}, o.UIDs...), uid...) }}
}

func settings(opts []Option) (o backend.Options) {
	for _, opt := range opts {
		if opt.set != nil {
			opt.set(&o)
		}
	}
	return o
}

// background is for calls that cannot be given up.
var background = context.Background()
