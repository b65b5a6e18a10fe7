// Command mutants breaks the code on purpose, in one place at a time, and tells which test notices. A break that no test
// notices is a promise without a proof: the command then fails.
//
//	go -C internal/tools run ./mutants             # all of them, some minutes
//	go -C internal/tools run ./mutants -run park   # those whose name or file matches
//	go -C internal/tools run ./mutants -race       # under the race detector
//	go -C internal/tools run ./mutants -long       # with as many rounds as go test has, without -short
//	go -C internal/tools run ./mutants -table      # as a Markdown table
//
// Nothing in the tree is changed: the compiler is given the broken file in place of the real one. A break may loop or
// allocate without end, so each run has a limit of time and, on Linux, of memory.
package main

import (
	"cmp"
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
	"slices"
	"strings"
	"time"

	"github.com/gothreading/threading/internal/tools/module"
)

// A mutant is one break: New in place of Old, which is once in the function Func of the File; see match.go.
type mutant struct {
	Name     string
	File     string // from the root
	Func     string // Func or Type.Func
	Old, New string
	Package  string   // whose tests should notice; "": that of the file
	Flags    []string // of the test binary, instead of -test.short
	Tags     string   // build tags; threadingexplore also looks for schedules only
	NoRace   string   // why it cannot be noticed under the race detector
	Memory   int      // kilobytes of address space, instead of memoryLimit
}

const (
	timeLimit   = 60 * time.Second
	memoryLimit = 6 << 20 // kilobytes of address space
)

var (
	run   = flag.String("run", "", "only those whose name or file matches this `pattern`")
	table = flag.Bool("table", false, "print a Markdown table")
	race  = flag.Bool("race", false, "with the race detector")
	long  = flag.Bool("long", false, "without -short, and with five times the time")
)

func main() {
	flag.Parse()
	survivors, err := all()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if survivors > 0 {
		fmt.Fprintf(os.Stderr, "mutants: %d of them were not noticed\n", survivors)
		os.Exit(1)
	}
}

func all() (survivors int, err error) {
	wanted, err := regexp.Compile(*run)
	if err != nil {
		return 0, err
	}
	root, err := module.Root()
	if err != nil {
		return 0, err
	}
	if *table {
		fmt.Print("| break | in | noticed by |\n|---|---|---|\n")
	}
	for _, m := range slices.Concat(mutants...) {
		if !wanted.MatchString(m.Name) && !wanted.MatchString(m.File) {
			continue
		}
		if *race && m.NoRace != "" {
			fmt.Printf("   left out  %-22s %s: %s\n", m.File, m.Name, m.NoRace)
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
		if *table {
			fmt.Printf("| %s | %s | %s |\n", m.Name, m.File, noticed)
		} else {
			fmt.Printf("%5.1f s  %-22s %s: %s\n", time.Since(start).Seconds(), m.File, m.Name, noticed)
		}
	}
	return survivors, nil
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
	flags, limit := []string{"-test.short"}, timeLimit
	if *long {
		flags, limit = nil, 5*timeLimit
	}
	if *race {
		args = append(args, "-race")
	}
	if m.Tags != "" {
		args = append(args, "-tags", m.Tags)
	}
	if m.Tags == "threadingexplore" {
		flags = []string{"-test.run", "^TestNoScheduleBreaks"}
	}
	if m.Flags != nil {
		flags = m.Flags
	}
	inside := moduleOf(root, pkg)
	build := exec.Command("go", append(args, "./"+strings.TrimPrefix(strings.TrimPrefix(pkg, inside), "/"))...)
	build.Dir = filepath.Join(root, inside)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not compile: %s", out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	flags = append(flags, "-test.failfast", "-test.timeout", (limit - 10*time.Second).String())
	test := exec.CommandContext(ctx, binary, flags...)
	if runtime.GOOS == "linux" && !*race { // the race detector reserves terabytes
		script := fmt.Sprintf(`ulimit -v %d; exec "$0" "$@"`, cmp.Or(m.Memory, memoryLimit))
		test = exec.CommandContext(ctx, "sh", append([]string{"-c", script, binary}, flags...)...)
	}
	test.Dir = filepath.Join(root, pkg)
	out, err := test.CombinedOutput()
	if err == nil {
		return "", nil
	}
	return who(out), nil
}

// moduleOf returns the folder of the module that a package is in, from the root.
func moduleOf(root, pkg string) string {
	for dir := pkg; dir != "."; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
			return dir
		}
	}
	return ""
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
