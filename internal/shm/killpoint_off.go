//go:build !threadingkill

package shm

// point marks an instruction at which a process may be killed. With the build
// tag threadingkill it may be killed there on purpose, see killpoint_on.go;
// without, it is nothing.
func point(string) {}
