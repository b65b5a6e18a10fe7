package traceback

import (
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Module is the import path that everything of this toolkit begins with.
const Module = "github.com/gothreading/threading"

// A Wait is a call of this toolkit in which a goroutine is blocked.
type Wait struct {
	Type  string  // of what it waits in: "lock.Lock"
	Form  string  // the call that the user has made: "LockTimeout"
	Guard uint64  // an address within what it waits in, the same for all that wait in it; 0: not known
	Start uint64  // where that begins; 0: not known
	Limit uint64  // the last argument of the call, in nanoseconds; 0: not known
	Users []Frame // from the caller of Form outwards
}

// Wait returns the call of this toolkit in which g is blocked.
//
// The frames of such a call are one above the other, without a frame of others in
// between. The innermost exported method names the type, the outermost exported one
// the form: a Condition.Wait that has been notified waits in an RLock. What only
// keeps a worker or a thread until there is something to do has none. The guard is
// an argument of the call that sleeps, or the Latch that it waits for.
func (g *Goroutine) Wait() (w Wait, ok bool) {
	if g.State == "running" || g.State == "runnable" || strings.HasPrefix(g.State, "coroutine") {
		return w, false
	}
	at := 0
	for at < len(g.Frames) && !ours(g.Frames, at) {
		if !system(g.Frames[at].Func) {
			return w, false // code of others that we have called
		}
		at++
	}
	var first, last name
	var before, after []Frame
	end := at
	for ; end < len(g.Frames) && ours(g.Frames, end); end++ {
		n := parse(g.Frames[end].Func)
		if n.pkg == "internal/hook" {
			break // what is outside of it calls code of others
		}
		if n.pkg == "internal/park" && n.typ == "Waiter" && n.call == "Sleep" {
			w.Guard = guard(g.Frames[end].Args)
			before = g.Frames[end+1:]
		}
		if n.pkg == "internal/park" && n.typ == "Latch" {
			if at := receiver(g.Frames[end].Args); at != 0 {
				w.Guard, before = at, g.Frames[end+1:]
			}
		}
		if !n.exported() {
			continue
		}
		if first.call == "" {
			first = n
		}
		last, after = n, g.Frames[end:]
	}
	if first.call == "" {
		return w, false
	}
	w.Type, w.Form = first.object(), last.call
	if last.pkg != first.pkg {
		w.Form = last.object() + "." + last.call
	}
	w.Users = g.users(g.Frames[end:])
	if w.Guard != 0 {
		w.Start = start(w.Guard, before[:len(before)-len(after)+1])
	}
	if strings.Contains(last.call, "Timeout") {
		w.Limit = limit(after[0].Args, last.typ == "")
	}
	return w, true
}

// users returns the frames that the user knows: from the caller of a call of ours
// outwards.
func (g *Goroutine) users(frames []Frame) (users []Frame) {
	for i, f := range frames {
		if !ours(frames, i) && !strings.HasPrefix(f.Func, "runtime.") {
			users = append(users, f)
		}
	}
	if len(users) == 0 && g.Created.Func != "" {
		users = append(users, g.Created)
	}
	return users
}

// Users returns the frames of g that are no calls of this toolkit or of the runtime.
func (g *Goroutine) Users() []Frame {
	for i := range g.Frames {
		if !ours(g.Frames, i) && !system(g.Frames[i].Func) {
			return g.users(g.Frames[i:])
		}
	}
	return g.users(nil)
}

// Ours reports whether a function belongs to this toolkit. One of its tests and
// examples does not.
func Ours(function, file string) bool {
	rest, found := strings.CutPrefix(function, Module)
	if !found || rest == "" || strings.HasSuffix(file, "_test.go") {
		return false
	}
	if rest[0] == '.' {
		return true
	}
	pkg, _, _ := strings.Cut(rest[1:], ".")
	if i := strings.LastIndexByte(rest, '/'); i > 0 {
		tail, _, _ := strings.Cut(rest[i+1:], ".")
		pkg = rest[1:i+1] + tail
	}
	pkg = strings.TrimPrefix(pkg, "/")
	first, _, _ := strings.Cut(pkg, "/")
	switch first {
	case "examples", "benchmarks", "tools":
		return false
	}
	return rest[0] == '/' && !strings.HasSuffix(pkg, "_test") && !strings.Contains(pkg, "/benchmarks")
}

// ours reports whether a frame is one of ours: also an iterator's body of ours that
// was inlined into code of others, which bears the name of those but stands in a
// file of ours.
func ours(frames []Frame, i int) bool {
	f := frames[i]
	if Ours(f.Func, f.File) {
		return true
	}
	if i == 0 || !strings.Contains(f.Func, ".(*") || strings.HasSuffix(f.File, "_test.go") {
		return false
	}
	return Ours(frames[i-1].Func, frames[i-1].File) && path.Dir(f.File) == path.Dir(frames[i-1].File)
}

// system reports whether a function is one in which the runtime and the standard
// library block.
func system(function string) bool {
	for _, prefix := range []string{"runtime.", "sync.", "internal/", "syscall.", "time.", "net.", "os.", "io.", "bufio.", "iter."} {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}

// A name is the name of a function, taken apart.
type name struct {
	pkg  string // below the module; "": the root
	typ  string // "": a function
	call string
}

// parse takes a name such as Module/queue.(*Queue[...]).Get apart.
func parse(function string) (n name) {
	rest := strings.TrimPrefix(function, Module)
	dir := ""
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		dir, rest = rest[:i+1], rest[i+1:]
	}
	rest = strings.ReplaceAll(rest, "[...]", "")
	last, rest, _ := strings.Cut(rest, ".")
	n.pkg = strings.TrimPrefix(dir+last, "/")
	parts := strings.Split(rest, ".")
	if len(parts) > 1 && !strings.HasPrefix(parts[1], "func") && !isNumber(parts[1]) {
		n.typ, parts = strings.Trim(parts[0], "(*)"), parts[1:]
	}
	n.call = strings.TrimSuffix(parts[0], "-fm")
	if len(parts) > 1 {
		n.call = "" // a closure
	}
	return n
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// exported reports whether users of this toolkit can make the call.
func (n name) exported() bool {
	return !strings.HasPrefix(n.pkg, "internal/") && !strings.Contains(n.pkg, "/internal/") &&
		upper(n.call) && (n.typ == "" || upper(n.typ))
}

func upper(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r)
}

// object returns the type of a method, with its package, or else the function.
func (n name) object() string {
	pkg := path.Base(n.pkg)
	if n.pkg == "" {
		pkg = "threading"
	}
	if n.typ == "" {
		return pkg + "." + n.call
	}
	return pkg + "." + n.typ
}

// guard returns the guard from the arguments of Sleep: a waiter, and an interface of
// two words.
func guard(args string) uint64 {
	_, inner, found := strings.Cut(args, "{")
	_, word, comma := strings.Cut(strings.TrimSuffix(inner, "}"), ", ")
	if !found || !comma {
		return 0
	}
	return number(strings.TrimSuffix(word, "?"))
}

// receiver returns the first of the arguments of a call, or 0 if it may be stale.
func receiver(args string) uint64 {
	first, _, _ := strings.Cut(args, ",")
	return number(first)
}

// object sizes: a guard is within so many bytes of where its object begins.
const largest = 1024

// start returns the least receiver among the calls between Sleep and the user's that
// can be the object that a guard is in.
func start(guard uint64, calls []Frame) (least uint64) {
	for _, f := range calls {
		at := receiver(f.Args)
		if at != 0 && at <= guard && guard-at < largest && (least == 0 || at < least) {
			least = at
		}
	}
	return least
}

// limit returns the duration among the arguments of a call: the last, or the first of
// a function.
func limit(args string, function bool) uint64 {
	words := strings.Split(args, ", ")
	if function {
		return number(words[0])
	}
	if d := number(words[len(words)-1]); len(words) > 1 && d < 1<<63-1 {
		return d
	}
	return 0
}

// number returns the number that is printed, or 0 if none is.
func number(s string) uint64 {
	hex, found := strings.CutPrefix(s, "0x")
	if !found {
		return 0
	}
	n, _ := strconv.ParseUint(hex, 16, 64)
	return n
}
