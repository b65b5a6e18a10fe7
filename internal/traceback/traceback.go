// Package traceback reads what the runtime tells of all goroutines: the text of
// [runtime.Stack]. Nothing else has the ids of goroutines, what they wait for and
// the arguments of their calls together.
//
// The format is undocumented and has been stable for years. What cannot be read
// is left out of a Goroutine, and never makes the reader fail.
package traceback

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A Goroutine is one goroutine at the moment of the dump.
type Goroutine struct {
	ID      uint64
	State   string        // as the runtime names it: "select", "sync.Cond.Wait"
	Blocked time.Duration // in whole minutes
	Leaked  bool          // the runtime has found that nothing can wake it
	Bubble  bool          // it is in a testing/synctest bubble
	Thread  string        // its label, where the runtime prints labels
	Frames  []Frame       // the innermost first
	Created Frame         // the go statement
}

// A Frame is one call.
type Frame struct {
	Func string // with the import path
	Args string // as printed: numbers, "..." if inlined, a "?" behind what may be stale
	File string
	Line int
}

// All returns all goroutines, and for how long the world stood still for that: one
// stop, unless the stacks are deeper than usual.
func All() (all []Goroutine, pause time.Duration) {
	size := 1<<16 + 3<<10*runtime.NumGoroutine()
	for {
		text := make([]byte, size)
		start := time.Now()
		n := runtime.Stack(text, true)
		pause += time.Since(start)
		if n < len(text) {
			return Parse(text[:n]), pause
		}
		size *= 2
	}
}

// Parse reads a dump.
func Parse(text []byte) (all []Goroutine) {
	var g *Goroutine
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		switch {
		case bytes.HasPrefix(line, []byte("goroutine ")):
			all = append(all, Goroutine{})
			g = &all[len(all)-1]
			g.header(string(line))
		case g == nil || len(line) == 0:
		case line[0] == '\t':
			g.place(string(line[1:]))
		default:
			g.call(string(line))
		}
	}
	return all
}

// header reads a line such as
//
//	goroutine 8 [select, 5 minutes, locked to thread, synctest bubble 1 labels:{"thread": "x"}]:
func (g *Goroutine) header(line string) {
	rest := strings.TrimPrefix(line, "goroutine ")
	digits, _, _ := strings.Cut(rest, " ")
	g.ID, _ = strconv.ParseUint(digits, 10, 64)
	_, rest, _ = strings.Cut(rest, "[")
	rest = strings.TrimSuffix(rest, "]:")
	rest, labels, _ := strings.Cut(rest, " labels:{")
	if _, label, found := strings.Cut(labels, `"thread": `); found {
		if quoted, err := strconv.QuotedPrefix(label); err == nil {
			g.Thread, _ = strconv.Unquote(quoted)
		}
	}
	for i, word := range strings.Split(rest, ", ") {
		if i == 0 {
			g.state(word)
			continue
		}
		if minutes, found := strings.CutSuffix(word, " minutes"); found {
			n, _ := strconv.Atoi(minutes)
			g.Blocked = time.Duration(n) * time.Minute
		}
		g.Bubble = g.Bubble || strings.HasPrefix(word, "synctest bubble ")
	}
}

func (g *Goroutine) state(word string) {
	for {
		switch before, mark, found := strings.Cut(word, " ("); {
		case !found:
			g.State = word
			return
		case strings.HasPrefix(mark, "leaked"):
			g.Leaked = true
			word = before
		case strings.HasPrefix(mark, "scan"), strings.HasPrefix(mark, "durable"):
			word = before
		default: // a part of the name, as in "chan send (nil chan)"
			head, tail, more := strings.Cut(mark, ") (")
			g.State = before + " (" + strings.TrimSuffix(head, ")") + ")"
			g.Leaked = more && strings.HasPrefix(tail, "leaked")
			return
		}
	}
}

// call reads a line such as
//
//	github.com/gothreading/threading/lock.(*Lock).LockTimeout(0xc00001c0a8, 0x34630b8a000)
//	created by main.main in goroutine 1
func (g *Goroutine) call(line string) {
	if by, found := strings.CutPrefix(line, "created by "); found {
		g.Created.Func, _, _ = strings.Cut(by, " in goroutine ")
		return
	}
	open := strings.LastIndexByte(line, '(')
	if open < 0 || !strings.HasSuffix(line, ")") {
		return // "...additional frames elided..."
	}
	g.Frames = append(g.Frames, Frame{Func: line[:open], Args: line[open+1 : len(line)-1]})
}

// place reads a line such as
//
//	/home/me/bank/bank.go:41 +0x1c
func (g *Goroutine) place(line string) {
	f := &g.Created
	if f.Func == "" {
		if len(g.Frames) == 0 {
			return
		}
		f = &g.Frames[len(g.Frames)-1]
	}
	line, _, _ = strings.Cut(line, " +0x")
	if colon := strings.LastIndexByte(line, ':'); colon >= 0 {
		f.File = line[:colon]
		f.Line, _ = strconv.Atoi(line[colon+1:])
	}
}
