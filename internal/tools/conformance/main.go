// Command conformance writes docs/conformance.md: which Go tests answer which of CPython's own tests.
//
//	go -C internal/tools run ./conformance
//
// The cases are in the folder cases. The Go tests are found by the ids in their names, in the source: nothing is run. The tests
// of this package fail if the table is not up to date, if a case lacks its Go test, or if a Go test names no case.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gothreading/threading/internal/tools/module"
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
	root, err := module.Root()
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
