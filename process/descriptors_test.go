//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/gothreading/threading/internal/proof"
	"github.com/gothreading/threading/process"
)

// openFiles returns how many descriptors this process has.
func openFiles(t testing.TB) int {
	t.Helper()
	n, err := descriptors()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func descriptors() (int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err
}

// Each of these happens in a child, where nothing that an earlier test has left is collected, with its descriptors, in
// between.
func init() {
	acts["no descriptors for anything"] = noDescriptorsForAnything
	acts["few descriptors for a message"] = fewDescriptorsForAMessage
}

func TestTooManyDescriptorsIsAClearError(t *testing.T) {
	result(t, start(t, act, "no descriptors for anything"))
}

func TestDescriptorsThatDoNotFitAreAnError(t *testing.T) {
	result(t, start(t, act, "few descriptors for a message"))
}

// withDescriptors calls f when this process can open n more descriptors.
func withDescriptors(n int, f func()) error {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		return err
	}
	open, err := descriptors()
	if err != nil {
		return err
	}
	limit := before
	limit.Cur = uint64(open + n)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	var files []*os.File
	for { // those of above the limit leave room below it
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	for i, file := range files {
		if i < n {
			file.Close()
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f()
	for _, file := range files {
		file.Close()
	}
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)
}

func noDescriptorsForAnything(context.Context) (string, error) {
	for range 2 { // what is made once is made
		if err := aChild(); err != nil {
			return "", err
		}
	}
	var wrong error
	err := withDescriptors(0, func() {
		_, _, pipe := process.Pipe[int, int]()
		for name, err := range map[string]error{
			"Start": aChild(), "NewLock": asError(proof.Recovered(func() { process.NewLock() })), "Pipe": pipe,
		} {
			if !errors.Is(err, syscall.EMFILE) {
				wrong = errors.Join(wrong, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	return "", errors.Join(err, wrong, aChild())
}

func aChild() error {
	p, err := process.Go(act, "return")
	if err != nil {
		return err
	}
	p.Join()
	return p.Err()
}

func fewDescriptorsForAMessage(context.Context) (string, error) {
	here, there, err := process.Pipe[[]*process.Event, int]()
	if err != nil {
		return "", err
	}
	many := make([]*process.Event, 40)
	for i := range many {
		many[i] = process.NewEvent()
	}
	for _, message := range [][]*process.Event{many, nil} {
		if err := here.Send(message); err != nil {
			return "", err
		}
	}
	var wrong error
	err = withDescriptors(10, func() {
		before, err1 := descriptors()
		_, err := there.Recv()
		after, err2 := descriptors()
		if err == nil || !strings.Contains(err.Error(), "ulimit -n") || after != before {
			wrong = fmt.Errorf("%v; %d descriptors before, %d after", err, before, after)
		}
		wrong = errors.Join(wrong, err1, err2)
	})
	if got, err := there.Recv(); got != nil || err != nil {
		wrong = errors.Join(wrong, fmt.Errorf("the next: %v, %w", got, err))
	}
	runtime.KeepAlive(many)
	return "", errors.Join(err, wrong)
}
