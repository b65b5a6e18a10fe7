package socketserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/gothreading/threading/internal/netwait"
	"github.com/gothreading/threading/internal/worker"
	"github.com/gothreading/threading/thread"
)

var (
	// ErrClosed is returned by HandleRequest and its forms after Close.
	ErrClosed = errors.New("socketserver: the server is closed")

	// ErrTerminated is the cause with which Terminate ends the context of a
	// handler.
	ErrTerminated = errors.New("socketserver: the server was terminated")

	// ErrTimeout is returned by TryHandleRequest and HandleRequestTimeout if no
	// client came in time. It is context.DeadlineExceeded to errors.Is.
	ErrTimeout error = timeoutError{}

	// ErrValue is the error that an option panics with if its value is
	// invalid. The panic value wraps ErrValue and names the option and the
	// value.
	ErrValue = errors.New("socketserver: bad value")
)

func init() { worker.RegisterErrors(ErrClosed, ErrTerminated, ErrTimeout, ErrValue) }

type timeoutError struct{}

func (timeoutError) Error() string   { return "socketserver: no client came in time" }
func (timeoutError) Is(e error) bool { return e == context.DeadlineExceeded }
func (timeoutError) Timeout() bool   { return true }

// ends are the errors of a handler whose connection has ended. They are not
// reported.
var ends = append([]error{io.EOF, io.ErrClosedPipe, net.ErrClosed, ErrTerminated, syscall.ECONNRESET, syscall.EPIPE}, systemEnds...)

// judge reports whether a handler has failed, and returns what OnError is to be told. Of what comes from a child, the child
// has judged.
func (j *job) judge(err error) (failure error, failed bool) {
	if judged, ok := err.(childFailure); ok {
		return judged.error, true
	}
	return err, err != nil && !j.isEnd(err)
}

// isEnd reports whether a handler's error is an end, and no failure. Of several errors in one all must be; and what a
// handler panicked with is a failure, whatever it is.
func (j *job) isEnd(err error) bool {
	if err == nil {
		return false
	}
	if _, panicked := err.(*thread.PanicError); panicked {
		return false
	}
	if slices.Contains(ends, err) || err == context.Canceled && j.isTerminated() {
		return true
	}
	if is, ok := err.(interface{ Is(error) bool }); ok && slices.ContainsFunc(ends, is.Is) {
		return true
	}
	switch wrapped := err.(type) {
	case interface{ Unwrap() error }:
		return j.isEnd(wrapped.Unwrap())
	case interface{ Unwrap() []error }:
		all := wrapped.Unwrap()
		return len(all) > 0 && !slices.ContainsFunc(all, func(err error) bool { return !j.isEnd(err) })
	}
	return false
}

// scarce are errors of accepting which say that something has run out. They pass.
var scarce = append([]error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM}, systemScarce...)

// gone are errors of accepting that concern one client, or one packet, only.
var gone = append([]error{
	syscall.ECONNABORTED, syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EPROTO, syscall.ETIMEDOUT, syscall.ENETDOWN,
	syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
}, systemGone...)

// isGone reports whether an error of accepting is nothing to speak of.
func isGone(err error) bool { return isAny(err, gone) }

// isForNow reports whether it makes sense to accept again after an error.
func isForNow(err error) bool {
	if err == nil || netwait.GaveUp(err) {
		return false
	}
	var temporary interface{ Temporary() bool }
	return isGone(err) || isAny(err, scarce) || errors.As(err, &temporary) && temporary.Temporary()
}

func isAny(err error, targets []error) bool {
	return err != nil && slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// printError is the default of OnError. It writes once, so that the lines of several goroutines are not mixed.
func printError(c *Conn, err error) {
	text := "socketserver: "
	if c != nil {
		text += c.RemoteAddr().String() + ": "
	}
	text += err.Error() + "\n"
	var panicked *thread.PanicError
	if errors.As(err, &panicked) {
		text += "\n" + string(panicked.Stack)
	}
	fmt.Fprint(os.Stderr, text)
}
