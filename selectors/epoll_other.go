//go:build !linux

package selectors

import (
	"errors"
	"os"
	"syscall"
)

// Elsewhere there is no epoll, and so no Selector: what follows is never called.

type epoll struct {
	file *os.File
	conn syscall.RawConn
}

type report struct{}

func newEpoll() (*epoll, error) { return nil, errors.ErrUnsupported }

type change int

const (
	add change = iota
	modify
	remove
)

func (e *epoll) control(change, int, Event, uint64) error { return errors.ErrUnsupported }

func poll(uintptr, []report) int        { return 0 }
func token(*report) uint64              { return 0 }
func told(*report) Event                { return 0 }
func isAlwaysReady(error) bool          { return false }
func isTaken(error) bool                { return false }
func newAlwaysReady() (*os.File, error) { return nil, errors.ErrUnsupported }
