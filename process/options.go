package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// An Option is a choice made when a process is made.
type Option func(*choices)

type choices struct {
	name   string
	daemon bool
	grace  time.Duration
	env    []string
	dir    string
	std    [3]*os.File
}

// Name names the process. Without it, or with the empty string, the name is
// Process-N, where N counts such processes; a child puts its own name and a
// colon in front: Process-1:1.
func Name(name string) Option { return func(c *choices) { c.name = name } }

// Daemon says whether the process ends with its parent. The default is what
// this process is.
func Daemon(daemon bool) Option { return func(c *choices) { c.daemon = daemon } }

// Grace is how long a function may go on after [Process.Terminate] has ended
// its context. The default, and d <= 0, is not at all.
func Grace(d time.Duration) Option { return func(c *choices) { c.grace = max(d, 0) } }

// Env adds variables, KEY=VALUE, to the environment that the process inherits.
// A later one replaces an earlier one of the same key. Env panics if a variable
// has no key.
func Env(kv ...string) Option {
	for _, v := range kv {
		if i := strings.IndexByte(v, '='); i < 1 || strings.IndexByte(v, 0) >= 0 {
			panic(fmt.Sprintf("process: Env(%q): want KEY=VALUE", v))
		}
	}
	return func(c *choices) { c.env = append(c.env, kv...) }
}

// Dir is the working directory of the process. The default is that of this one.
func Dir(dir string) Option { return func(c *choices) { c.dir = dir } }

// Stdin is the standard input of the process. The default is /dev/null.
func Stdin(f *os.File) Option { return func(c *choices) { c.std[0] = f } }

// Stdout is the standard output of the process. The default is that of this
// one.
func Stdout(f *os.File) Option { return func(c *choices) { c.std[1] = f } }

// Stderr is the standard error of the process. The default is that of this one.
func Stderr(f *os.File) Option { return func(c *choices) { c.std[2] = f } }

// named counts the automatic names.
var named atomic.Uint64

func choose(opts []Option) choices {
	c := choices{daemon: Current().Daemon}
	for _, opt := range opts {
		opt(&c)
	}
	if c.name == "" {
		n := strconv.FormatUint(named.Add(1), 10)
		if self := inherited; self != nil {
			c.name = self.order.Name + ":" + n
		} else {
			c.name = "Process-" + n
		}
	}
	return c
}

// environment is that of a child: of a variable that is there several times,
// the last one counts.
func (c *choices) environment(more ...string) []string {
	all := append(append(os.Environ(), c.env...), more...)
	seen := make(map[string]bool)
	var env []string
	for i := len(all) - 1; i >= 0; i-- {
		key, _, _ := strings.Cut(all[i], "=")
		if key != "" && !seen[key] {
			seen[key] = true
			env = append(env, all[i])
		}
	}
	return env
}
