//go:build unix

package socketserver_test

import "syscall"

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
