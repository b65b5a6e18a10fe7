//go:build threadingdebug

package watch

import (
	"os"
	"strconv"
	"strings"
)

// settings are what the environment says: THREADINGDEBUG=order=0,stack=16,quiet=1.
var settings = parse(os.Getenv("THREADINGDEBUG"))

type choices struct {
	order bool // look at the order of locks
	stack int  // how many calls a stack has
	quiet bool // print nothing
}

// Quiet reports whether nothing is to be printed unless it is asked for.
func Quiet() bool { return settings.quiet }

// parse reads settings as GODEBUG is read: what is not known is ignored.
func parse(s string) choices {
	c := choices{order: true, stack: 4}
	for _, word := range strings.Split(s, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(word), "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			continue
		}
		switch key {
		case "order":
			c.order = n != 0
		case "stack":
			c.stack = min(max(n, 0), 100)
		case "quiet":
			c.quiet = n != 0
		}
	}
	return c
}
