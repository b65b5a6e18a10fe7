//go:build unix

package socketserver_test

import (
	"math"
	"syscall"
)

// limit returns how many descriptors this process may have.
func limit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}

// setLimit bounds the number of descriptors of this process.
func setLimit(n int) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	limit.Cur = 0
	for range n {
		limit.Cur++ // the type of which differs between systems
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
}
