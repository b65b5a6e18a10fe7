// Command mutants breaks the code on purpose, in one place at a time, and tells which test notices. A break that no test
// notices is a promise without a proof: the command then fails.
//
//	go run ./internal/mutants           # all of them, some minutes
//	go run ./internal/mutants -run park # those whose name or file matches
//	go run ./internal/mutants -table    # as the table of docs/testing.md
//
// Nothing in the tree is changed: the compiler is given the broken file in place of the real one. A break may loop or
// allocate without end, so each run has a limit of time and, on Linux, of memory.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// A mutant is one break: New in place of Old, which is in the File once.
type mutant struct {
	Name     string
	File     string
	Old, New string
	Package  string   // whose tests should notice; "": that of the file
	Flags    []string // of the test binary, instead of -test.short
	Explore  bool     // build with the tag explore and look for schedules
}

const (
	timeLimit   = 60 * time.Second
	memoryLimit = 6 << 20 // kilobytes of address space
)

func main() {
	run := flag.String("run", "", "only those whose name or file matches this `pattern`")
	table := flag.Bool("table", false, "print a Markdown table")
	flag.Parse()
	survivors, err := all(*run, *table)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if survivors > 0 {
		fmt.Fprintf(os.Stderr, "mutants: %d of them were not noticed\n", survivors)
		os.Exit(1)
	}
}

func all(pattern string, table bool) (survivors int, err error) {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return 0, err
	}
	root, err := moduleRoot()
	if err != nil {
		return 0, err
	}
	if table {
		fmt.Print("| break | in | noticed by |\n|---|---|---|\n")
	}
	for _, m := range mutants {
		if !wanted.MatchString(m.Name) && !wanted.MatchString(m.File) {
			continue
		}
		start := time.Now()
		noticed, err := m.try(root)
		switch {
		case err != nil:
			survivors++
			noticed = err.Error()
		case noticed == "":
			survivors++
			noticed = "**nobody**"
		}
		if table {
			fmt.Printf("| %s | %s | %s |\n", m.Name, m.File, noticed)
		} else {
			fmt.Printf("%5.1f s  %-22s %s: %s\n", time.Since(start).Seconds(), m.File, m.Name, noticed)
		}
	}
	return survivors, nil
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	return filepath.Dir(strings.TrimSpace(string(out))), err
}

// broken returns the file's text with the break in it.
func (m mutant) broken(root string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, m.File))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(text, []byte(m.Old)); n != 1 {
		return nil, fmt.Errorf("%q: its place is %d times in %s, want once", m.Name, n, m.File)
	}
	return bytes.Replace(text, []byte(m.Old), []byte(m.New), 1), nil
}

// try runs the tests with the break, and returns which noticed it, or "".
func (m mutant) try(root string) (noticed string, err error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	text, err := m.broken(root)
	if err != nil {
		return "", err
	}
	file, overlay, binary := filepath.Join(dir, "broken.go"), filepath.Join(dir, "overlay"), filepath.Join(dir, "x.test")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, m.File): file}})
	if err = errors.Join(err, os.WriteFile(file, text, 0o644), os.WriteFile(overlay, replace, 0o644)); err != nil {
		return "", err
	}
	pkg := m.Package
	if pkg == "" {
		pkg = filepath.Dir(m.File)
	}
	args := []string{"test", "-c", "-overlay", overlay, "-o", binary}
	flags := []string{"-test.short"}
	if m.Explore {
		args = append(args, "-tags", "explore")
		flags = []string{"-test.run", "^TestNoScheduleBreaks"}
	}
	if m.Flags != nil {
		flags = m.Flags
	}
	build := exec.Command("go", append(args, "./"+pkg)...)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not compile: %s", out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	flags = append(flags, "-test.failfast", "-test.timeout", (timeLimit - 10*time.Second).String())
	test := exec.CommandContext(ctx, binary, flags...)
	if runtime.GOOS == "linux" {
		script := fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, memoryLimit)
		test = exec.CommandContext(ctx, "sh", append([]string{"-c", script, binary}, flags...)...)
	}
	test.Dir = filepath.Join(root, pkg)
	out, err := test.CombinedOutput()
	if err == nil {
		return "", nil
	}
	return who(out), nil
}

var (
	failure = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	hung    = regexp.MustCompile(`(?m)^\t+(Test\S+) \(`)
	fatal   = regexp.MustCompile(`(?m)^(?:panic|fatal error): (.*)$`)
)

// who finds in a test's output who noticed.
func who(out []byte) string {
	if m := failure.FindSubmatch(out); m != nil {
		return "`" + string(m[1]) + "`"
	}
	if m := hung.FindSubmatch(out); m != nil {
		return "`" + string(m[1]) + "`, which does not end"
	}
	if m := fatal.FindSubmatch(out); m != nil {
		return "the runtime: " + string(m[1])
	}
	return "the end of the process"
}
