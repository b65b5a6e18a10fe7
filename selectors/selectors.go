// Package selectors waits for many open files at once: Python's selectors
// module, and its select, poll and epoll.
//
// In Go, use a goroutine per connection. A goroutine that waits in a Read costs
// a few kilobytes and no thread, its code reads from top to bottom, and a slow
// client delays no other. This package is for the two cases in which that does
// not do: carrying over a program that is written around select, and holding
// very many connections that are nearly always idle, at about a kilobyte each.
// Waking up takes half as long again as in a goroutine that waits in Read.
//
// In the server of Python's manual, the data of a registration is the function
// to call:
//
//	type callback func(key *selectors.Key[callback], e selectors.Event) error
//
//	sel, err := selectors.New[callback]()
//	…
//	_, err = sel.Register(listener, selectors.Read, accept)
//	for {
//		ready, err := sel.Select()
//		…
//		for _, r := range ready {
//			err = r.Data(r.Key, r.Events)
//			…
//		}
//	}
//
// # Names
//
//	Python                           here
//	DefaultSelector()                New[D]()
//	register(f, EVENT_READ, data)    Register(f, Read, data)
//	modify, unregister               Modify, Unregister
//	select(), select(0), select(t)   Select, TrySelect, SelectTimeout
//	get_key(f), get_map()            Get, Keys and Len
//	SelectorKey                      Key
//	recv, send, accept, recvfrom,    TryRead, TryWrite, TryAccept, TryReadFrom,
//	sendto of a nonblocking socket   TryWriteTo
//	BlockingIOError                  ErrWouldBlock
//	select.select(r, w, x, t)        one Selector: r.append(f) is Register,
//	                                 w.append(f) is Modify
//	poll(), epoll()                  the same; POLLHUP and POLLERR show as Read
//	                                 and Write
//
// # After readiness
//
// Use the Try functions on a file that was reported, not its methods. A Read
// may wait although the file was ready, because another reader was faster or
// the packet was corrupt, and a Write waits until everything is written. Either
// would stop the loop. A Selector sees the descriptor only: it does not know
// what a bufio.Reader has read ahead.
//
// # Which files
//
// A file is known by itself, as the key of a map is, and not by the number of
// its descriptor. A file that was closed is never ready; Unregister it, before
// or after. Its number may belong to another file by then, and neither is taken
// for the other.
//
// Regular files, directories and devices such as /dev/null are always ready, as
// they are to select and poll; Python's EpollSelector refuses them. Standard
// input is waited for if it is a terminal, a pipe or a socket.
//
// # Where it works
//
// A Selector needs Linux. Elsewhere New and the Try functions return
// [errors.ErrUnsupported]. A wait here is as durable in the sense of
// [testing/synctest] as those of package net: not at all.
package selectors

import (
	"errors"

	"github.com/gothreading/threading/internal/nonblock"
)

// Errors that the calls of a correct program may return. Each is wrapped in one
// that names the call and the type of the file, with the exception of ErrClosed
// and ErrWouldBlock, which are returned as they are.
var (
	// ErrRegistered is returned by Register of a file, or of a descriptor, that
	// is registered.
	ErrRegistered = errors.New("selectors: registered already")

	// ErrNotRegistered is returned by Modify and Unregister of a file that is not
	// registered.
	ErrNotRegistered = errors.New("selectors: not registered")

	// ErrNotSelectable is returned for a file that has no descriptor, such as a
	// *tls.Conn or a net.Pipe, and for one that cannot be the key of a map.
	ErrNotSelectable = nonblock.ErrNotSelectable

	// ErrEvents is returned for an Event that waits for nothing, or has unknown
	// bits.
	ErrEvents = errors.New("selectors: want Read, Write or Except, or several, and perhaps Edge")

	// ErrClosed is returned by every call after Close, and by a Select that
	// waits.
	ErrClosed = errors.New("selectors: the Selector is closed")

	// ErrWouldBlock is returned by a Try function that would have to wait.
	ErrWouldBlock = nonblock.ErrWouldBlock
)
