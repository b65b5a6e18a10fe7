// Package selectors waits for many open files at once: Python's selectors module, and its select, poll and epoll.
//
// In Go a goroutine per connection is the advice. A goroutine that waits in a Read costs a few kilobytes and no thread,
// the code reads from top to bottom, and a slow client holds up nobody. This package is for two cases in which that does
// not do: to carry over a program that is written around select, and to hold very many connections that are idle nearly
// always, which then cost about a kilobyte each. A wake-up costs half as much again as that of a goroutine in Read.
//
// The server of Python's manual, whose data is the function to call:
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
//	Python                               here
//	DefaultSelector()                    New[D]()
//	register(f, EVENT_READ, data)        Register(f, Read, data)
//	modify, unregister                   Modify, Unregister
//	select(), select(0), select(t)       Select, TrySelect, SelectTimeout
//	get_key(f), get_map()                Get, Keys and Len
//	SelectorKey                          Key
//	recv, send, accept, recvfrom,        TryRead, TryWrite, TryAccept, TryReadFrom,
//	sendto of a nonblocking socket       TryWriteTo
//	BlockingIOError                      ErrWouldBlock
//	select.select(r, w, x, t)            one Selector for all: r.append(f) is Register, w.append(f) is Modify
//	poll(), epoll()                      the same; POLLHUP and POLLERR show as Read and Write
//
// # What to know
//
// After a file is reported, use the Try functions on it, not its methods. A Read may wait although the file was ready,
// because somebody else was faster or because a packet was spoilt, and a Write waits until everything is written: either
// stops the loop, and with it everybody. A Selector sees the descriptor only: what a bufio.Reader has read ahead, it does
// not know of.
//
// A file is known by itself and not by the number of its descriptor. One that was closed is never ready again; Unregister
// it, before or after. Its number may then belong to another file, and nobody is confused.
//
// Regular files, directories and devices like /dev/null are always ready, as with select and poll; Python's
// EpollSelector refuses them. Standard input is waited for if it is a terminal, a pipe or a socket.
//
// Everything may be called by any goroutine at any time. Several that Select on one Selector may get the same files,
// since what is ready is ready for all; add Edge where only one must.
//
// A wait is as durable in the sense of testing/synctest as those of package net: not at all.
//
// A Selector needs Linux. Elsewhere New, and the Try functions, return errors.ErrUnsupported.
package selectors

import (
	"errors"

	"github.com/gothreading/threading/internal/nonblock"
)

// What the calls of a correct program can return. The error of a call names it and the type of the file, and is one of
// these to errors.Is.
var (
	// ErrRegistered is that of a Register of what is registered.
	ErrRegistered = errors.New("selectors: registered already")
	// ErrNotRegistered is that of a Modify or Unregister of what is not registered.
	ErrNotRegistered = errors.New("selectors: not registered")
	// ErrNotSelectable is that of a file which has no descriptor, or cannot be the key of a map.
	ErrNotSelectable = nonblock.ErrNotSelectable
	// ErrEvents is that of an Event with nothing to wait for, or with unknown bits.
	ErrEvents = errors.New("selectors: want Read, Write or Except, or several, and perhaps Edge")
	// ErrClosed is that of every call after Close, and of a Select that waits.
	ErrClosed = errors.New("selectors: the Selector is closed")
	// ErrWouldBlock is that of a Try function that would have to wait.
	ErrWouldBlock = nonblock.ErrWouldBlock
)
