//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package socketserver

// lockFolder does nothing where a folder has no lock.
func lockFolder(string) (unlock func(), err error) { return func() {}, nil }
