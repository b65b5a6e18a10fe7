// Command cache keeps values in several memcached servers: it sets, gets and changes them, and lets many threads count at
// once. It is a port of these Python programs:
//
//	class Cache:
//	    def __init__(self, servers):
//	        self.client = memcache.Client(servers)      # ["10.0.0.1:11211", ("10.0.0.2:11211", 2)]
//	    def set(self, key, value, seconds=0):
//	        return self.client.set(key, value, seconds)
//	    def get(self, key):
//	        return self.client.get(key)
//	    ...                                             # add, replace, delete, incr, decr, append, prepend
//
//	mc.set_multi({"k1": "v1", "k2": "v2"}); mc.get_multi(["k1", "k2"])
//
//	v = mc.gets("stock")                                # 900 left
//	mc.cas("stock", str(int(v) - 1))                    # unless somebody else was faster
//
// The differences that matter:
//
//   - python-memcached returns None for a key that is not there, for a server that is gone, and for a mistake: a
//     program that has lost its cache does not notice. Here a miss is memcache.ErrCacheMiss, and the rest are errors
//     that name what went wrong.
//   - It pickles what it is given, so what is read may run code, and what Python has written only Python can read. Here
//     a value is bytes.
//   - incr at 2**64 begins again at 0, and decr stops there; that is the server's rule, in either language.
//   - cas fails if somebody was faster, and the original then goes on as if it had succeeded. Here the loop tries again,
//     and no count is lost.
//   - A client is for any number of goroutines, where mc.gets remembers its token in the one client.
//   - A server that gets twice the keys is listed twice.
//
// The library is github.com/bradfitz/gomemcache.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/pool"
)

// The options are what the flags say.
type options struct {
	servers string
	stock   int
	buyers  int
}

var program = demo.Program{
	Name: "cache",
	Does: "Keeps values in memcached servers, and lets many threads count at once.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.StringVar(&o.servers, "servers", "", "the `servers`, host:port, with commas between them")
		f.IntVar(&o.stock, "stock", 100, "how many `pieces` are for sale")
		f.IntVar(&o.buyers, "buyers", 8, "how many `threads` buy")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, _ time.Duration) error {
	all := strings.FieldsFunc(o.servers, func(r rune) bool { return r == ',' })
	switch {
	case len(all) == 0:
		return demo.BadInput("-servers: want one or more")
	case o.stock < 0 || o.stock > 1_000_000:
		return demo.BadInput("-stock %d: want 0 to 1000000", o.stock)
	case o.buyers < 1 || o.buyers > 1000:
		return demo.BadInput("-buyers %d: want 1 to 1000", o.buyers)
	}
	c, err := newCache(all)
	if err != nil {
		return err
	}
	defer c.close()
	if err := tour(out, c); err != nil {
		return err
	}
	return o.sell(out, c)
}

// tour goes through the calls.
func tour(out io.Writer, c *cache) error {
	var first error
	show := func(call string, value string, err error) {
		switch {
		case errors.Is(err, memcache.ErrCacheMiss):
			value = "(none)"
		case errors.Is(err, memcache.ErrNotStored):
			value = "not stored"
		case err != nil && first == nil:
			first = fmt.Errorf("%s: %w", call, err)
		}
		fmt.Fprintf(out, "%-28s %s\n", call, value)
	}
	ok := func(call string, err error) { show(call, "stored", err) }
	get := func(key string) {
		value, err := c.get(key)
		show("get "+key, value, err)
	}

	ok("set name alex", c.set("name", "alex", time.Minute))
	get("name")
	ok("add name eric", c.add("name", "eric")) // there is one
	ok("replace name eric", c.replace("name", "eric"))
	ok("replace nobody x", c.replace("nobody", "x"))
	ok("append name !", c.append("name", "!"))
	ok("prepend name dear", c.prepend("name", "dear "))
	get("name")
	ok("delete name", c.delete("name"))
	get("name")
	ok("set count 10", c.set("count", "10", time.Minute))
	n, err := c.add64("count", 5)
	show("incr count 5", strconv.FormatUint(n, 10), err)
	n, err = c.add64("count", -100)
	show("decr count 100", strconv.FormatUint(n, 10), err)
	err = c.setMany(map[string]string{"k1": "v1", "k2": "v2", "k3": "v3"})
	ok("set k1, k2, k3", err)
	many, err := c.getMany("k1", "k2", "k3", "k4")
	show("get k1, k2, k3, k4", fmt.Sprint(many), err)
	return first
}

// sell lets the buyers take piece after piece, each by a compare and swap, until none is left.
func (o *options) sell(out io.Writer, c *cache) error {
	if err := c.set("stock", strconv.Itoa(o.stock), time.Minute); err != nil {
		return err
	}
	p := pool.New(o.buyers, pool.Name("buyer"))
	defer p.Shutdown()
	bought, err := pool.Map(p, func(ctx context.Context, _ int) (n int, err error) {
		for {
			left, err := c.take("stock")
			if err != nil || !left {
				return n, err
			}
			n++
		}
	}, make([]int, o.buyers))
	if err != nil {
		return err
	}
	sum := 0
	for _, n := range bought {
		sum += n
	}
	left, err := c.get("stock")
	fmt.Fprintf(out, "%d threads bought %d of %d, and %s are left\n", o.buyers, sum, o.stock, left)
	return err
}
