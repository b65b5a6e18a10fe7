// Command conformance writes docs/conformance.md: which Go tests answer which of CPython's own tests.
//
//	go run ./internal/conformance
//
// The cases are in cases.txt. The Go tests are found by the ids in their names, in the source: nothing is run. The tests
// of this package fail if the table is not up to date, if a case lacks its Go test, or if a Go test names no case.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run .

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// generate writes the table also if something is wrong with it, which the table then shows.
func generate() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	s, err := readSuite(root)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, table), s.markdown(), 0o644); err != nil {
		return err
	}
	problems := append(s.lacking(), s.strays()...)
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d problems", len(problems))
	}
	return nil
}

// table is what is generated, from the root of the module.
const table = "docs/conformance.md"

// moduleRoot returns the folder of go.mod at or above the current one.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("there is no go.mod above")
		}
		dir = parent
	}
}
