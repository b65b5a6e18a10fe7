package main

import (
	"slices"
	"testing"

	"github.com/gothreading/threading/internal/tools/module"
)

// A break whose place is gone tests nothing.
func TestEveryBreakHasItsPlace(t *testing.T) {
	root, err := module.Root()
	if err != nil {
		t.Fatal(err)
	}
	names, all := map[string]bool{}, slices.Concat(mutants...)
	for _, m := range all {
		if _, err := m.broken(root); err != nil {
			t.Error(err)
		}
		if names[m.Name] {
			t.Errorf("%q is there twice", m.Name)
		}
		names[m.Name] = true
	}
	if len(all) < 30 {
		t.Errorf("%d breaks, want 30 at least", len(all))
	}
}

func TestTheOutputOfAFailureNamesTheTest(t *testing.T) {
	for out, want := range map[string]string{
		"=== RUN TestX\n--- FAIL: TestX (0.00s)\n    x_test.go:1: bad\n":                                 "`TestX`",
		"panic: test timed out after 50s\n\trunning tests:\n\t\tTestHang (50s)\n\ngoroutine 1 [running]": "`TestHang`, which does not end",
		"fatal error: all goroutines are asleep - deadlock!\n":                                           "the runtime: all goroutines are asleep - deadlock!",
		"": "the end of the process",
	} {
		if got := who([]byte(out)); got != want {
			t.Errorf("%q: %s, want %s", out, got, want)
		}
	}
}
