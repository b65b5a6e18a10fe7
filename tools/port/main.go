// Port scans Python sources for what the threading toolkit has an answer to, and
// for data that only Python's global lock protects:
//
//	go run github.com/gothreading/threading/tools/port@latest ./my_program
//
// The scanner is a program in Python, port.py, which needs Python 3.8 or later and
// nothing else; python3 port.py ./my_program is the same.
package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

//go:generate go run ./tables -o threadingport/table.json ../../docs/porting.md

//go:embed port.py threadingport
var scanner embed.FS

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "port:", err)
	}
	os.Exit(code)
}

// run writes the scanner into a folder of its own and runs it. It returns the
// scanner's exit code.
func run(args []string) (int, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return 1, fmt.Errorf("the scanner is a program in Python: %w", err)
	}
	dir, err := os.MkdirTemp("", "threadingport")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	for _, pattern := range []string{"port.py", "threadingport/*.py", "threadingport/*.json"} {
		names, err := fs.Glob(scanner, pattern)
		if err != nil {
			return 1, err
		}
		for _, name := range names {
			if err := copyTo(dir, name); err != nil {
				return 1, err
			}
		}
	}
	cmd := exec.Command(python, append([]string{filepath.Join(dir, "port.py")}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	case err != nil:
		return 1, err
	}
	return 0, nil
}

func copyTo(dir, name string) error {
	text, err := scanner.ReadFile(name)
	if err != nil {
		return err
	}
	to := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}
