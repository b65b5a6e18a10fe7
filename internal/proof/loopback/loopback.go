// Package loopback has the address on which tests listen. It is apart from
// package proof because net brings the C library with it, which the tests of
// processes do without: they also run where it cannot start a thread.
package loopback

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Address returns an address of this machine that other processes do not use,
// if there is one: a port of it that is free, or has been closed, is nobody
// else's a moment later, and a client of others does not come there.
var Address = sync.OnceValue(func() string {
	pid := os.Getpid()
	own := fmt.Sprintf("127.%d.%d.%d", 1+pid>>16&127, pid>>8&255, pid&255)
	if l, err := net.Listen("tcp", net.JoinHostPort(own, "0")); err == nil {
		defer l.Close()
		if c, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
			_ = c.Close()
			return own
		}
	}
	return "127.0.0.1"
})
