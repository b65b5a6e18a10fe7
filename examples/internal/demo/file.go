package demo

import (
	"io"
	"os"
)

// File returns a file for the output of child processes, which goes to out, and what to call when they have ended.
func File(out io.Writer) (f *os.File, done func(), err error) {
	r, f, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(out, r)
		_ = r.Close()
	}()
	return f, func() {
		_ = f.Close()
		<-copied
	}, nil
}
