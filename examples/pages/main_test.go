package main

import (
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
	"github.com/gothreading/threading/examples/internal/demo/demotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func TestEveryPageIsFetched(t *testing.T) {
	want := map[string][]string{
		"": {
			"1200 bytes received from /go", "3400 bytes received from /python", "560 bytes received from /lua",
			"GET /go", "GET /lua", "GET /python", "the lengths, in order: [1200 3400 560]",
		},
		"-missing": {
			"1200 bytes received from /go", "3400 bytes received from /python", "560 bytes received from /lua",
			"GET /go", "GET /lua", "GET /missing", "GET /python",
			"not received: /missing: 404 Not Found", "the lengths, in order: [1200 3400 560 0]",
		},
	}
	for option, want := range want {
		code, out, stderr := demotest.Start(program, append([]string{"-fast"}, strings.Fields(option)...)...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		slices.Sort(lines)
		if code != 0 || stderr != "" || !slices.Equal(lines, want) {
			t.Errorf("%q: exit code %d, %q, output\n%s\nwant\n%s", option, code, stderr, out, strings.Join(want, "\n"))
		}
	}
}
