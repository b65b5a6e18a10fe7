package main

import (
	"strings"
	"testing"
)

const broken = `package p

func (q *Queue[T]) get() (item T) {
	for { // a comment
		if q.n > 0 && !q.shut {
			q.n--
			q.unlock()
			return item
		}
		q.wait()
	}
}

func free(n int) bool { return n > 0 }
`

func TestABreakIsFoundByItsSyntax(t *testing.T) {
	for _, c := range []struct{ fn, old, new, want string }{
		{"Queue.get", "q.n > 0", "true", "if true && !q.shut {"},
		{"Queue.get", "$q.n > 0 && $x", "$x", "if !q.shut {"},
		{"Queue.get", "if $c { q.n--; $*rest }", "if $c { $*rest }", "{ q.unlock()\n\t\t\treturn item }"},
		{"Queue.get", "if $c { $*b }", "if false { $*b }", "if false { q.n--"},
		{"Queue.get", "if $c { $*b; return item }", "$*b", "\t\tq.n--\n\t\t\tq.unlock()\n\t\tq.wait()"},
		{"free", "return $x", "return !($x)", "return !(n > 0)"},
	} {
		out, err := mutant{Func: c.fn, Old: c.old, New: c.new}.breakText([]byte(broken))
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %q: %v\n%s", c.fn, c.old, err, out)
		}
	}
}

func TestABreakWithoutOnePlaceIsRefused(t *testing.T) {
	for _, c := range []struct{ fn, old, new, want string }{
		{"get", "q.n > 0", "true", "there is no function get"},
		{"Queue.get", "q.m > 0", "true", "0 times"},
		{"Queue.get", "q.$x()", "", "2 times"},
		{"Queue.get", "if {", "", "pattern Old: "},
		{"Queue.get", "q.n > 0", "if", "replacement New: "},
		{"Queue.get", "q.n > 0 && $x", "$x", ""},
	} {
		_, err := mutant{Func: c.fn, Old: c.old, New: c.new}.breakText([]byte(broken))
		if c.want == "" && err == nil || err != nil && c.want != "" && strings.Contains(err.Error(), c.want) {
			continue
		}
		t.Errorf("%s: %q: %v, want %q", c.fn, c.old, err, c.want)
	}
}
