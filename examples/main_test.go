package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/gothreading/threading/diagnose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(diagnose.Wrap(m)) }

func run(sources fs.FS, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = start(sources, args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestEveryProgramIsListed(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, e := range entries {
		if _, err := os.Stat(path.Join(e.Name(), "main.go")); err == nil {
			want = append(want, e.Name())
		}
	}
	code, stdout, stderr := run(sources)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	table, _, found := strings.Cut(stdout, "\n\nRun one with: go run ./examples/NAME -fast\n")
	if !found {
		t.Errorf("nothing says how to run one:\n%s", stdout)
	}
	var got []string
	for line := range strings.Lines(table) {
		name, does, _ := strings.Cut(strings.TrimSpace(line), " ")
		got = append(got, name)
		if does = strings.TrimSpace(does); !strings.HasSuffix(does, ".") || strings.HasPrefix(does, "Command") {
			t.Errorf("the package comment of %s does not begin with a sentence on Command %s: %q", name, name, does)
		}
	}
	if !slices.Equal(got, want) || len(got) < 2 {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAllButWordcountKnowFast(t *testing.T) {
	files, err := fs.Glob(sources, "*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := fs.ReadFile(sources, file)
		if err != nil {
			t.Fatal(err)
		}
		got, want := strings.Contains(string(source), "= demo.Program{"), path.Dir(file) != "wordcount"
		if got != want {
			t.Errorf("%s is a demo.Program, which knows -fast: %t, want %t", file, got, want)
		}
	}
}

func source(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestTheListIsTheFirstSentences(t *testing.T) {
	tree := fstest.MapFS{
		"zebra/main.go": source("// Command zebra shows\n// stripes. And more.\n//\n// And more.\npackage main\n"),
		"ant/main.go":   source("// A comment of the file.\n\n// Command ant élan. \npackage main\n\nfunc main( {"),
		"ant/other.go":  source("// Command other is not listed.\npackage main\n"),
	}
	const want = `ant    Élan.
zebra  Shows stripes.

Run one with: go run ./examples/NAME -fast
With it fifty seconds pass in one, also in what they print; wordcount has no waits and no -fast.
A program's other flags: go run ./examples/NAME -help
`
	for _, args := range [][]string{nil, {"-h"}, {"-help"}, {"--help"}} {
		if code, stdout, stderr := run(tree, args...); code != 0 || stdout != want || stderr != "" {
			t.Errorf("%q: exit code %d, %q, output\n%s\nwant\n%s", args, code, stderr, stdout, want)
		}
	}
}

func TestAnArgumentIsAnsweredWithOneLine(t *testing.T) {
	for arg, want := range map[string]string{
		"slots":            "examples: this only lists the programs; run this one with: go run ./examples/slots\n",
		"./examples/slots": "examples: this only lists the programs; run this one with: go run ./examples/slots\n",
		`.\examples\slots`: "examples: this only lists the programs; run this one with: go run ./examples/slots\n",
		"nothing":          `examples: no program "nothing"; without an argument this lists all` + "\n",
		"-fast":            `examples: no program "-fast"; without an argument this lists all` + "\n",
		"":                 `examples: no program ""; without an argument this lists all` + "\n",
	} {
		code, stdout, stderr := run(sources, arg)
		if code != 2 || stdout != "" || stderr != want {
			t.Errorf("%q: exit code %d, %q, %q, want 2 and %q", arg, code, stdout, stderr, want)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAFailureIsOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"package main\n":               "examples: a/main.go has no package comment\n",
		"// Command a.\nno go, at all": "examples: a/main.go:2:1: expected 'package', found no\n",
	} {
		code, stdout, stderr := run(fstest.MapFS{"a/main.go": source(text)})
		if code != 1 || stdout != "" || stderr != want {
			t.Errorf("%q: exit code %d, %q, %q, want 1 and %q", text, code, stdout, stderr, want)
		}
	}
	var errs strings.Builder
	if code := start(sources, nil, fullDisk{}, &errs); code != 1 || errs.String() != "examples: no space left\n" {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}
