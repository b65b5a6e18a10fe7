// Package demotest starts example programs in tests.
package demotest

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
)

// Start runs a program and returns its exit code and what it wrote.
func Start(p demo.Program, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = p.Start(args, &out, &errs)
	return code, out.String(), errs.String()
}

// StartInBubble runs a program in a bubble, where its waits cost nothing, and says how long it took there.
func StartInBubble(t *testing.T, p demo.Program, args ...string) (code int, stdout, stderr string, took time.Duration) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		began := time.Now()
		code, stdout, stderr = Start(p, args...)
		took = time.Since(began)
	})
	return code, stdout, stderr, took
}
