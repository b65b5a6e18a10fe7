package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

type options struct {
	folder  string
	workers int
	top     int
	exts    []string // none: every file
}

func (o options) wants(name string) bool {
	return len(o.exts) == 0 || slices.ContainsFunc(o.exts, func(ext string) bool {
		return strings.HasSuffix(path.Base(name), ext)
	})
}

func (o options) kind() string {
	if len(o.exts) == 0 {
		return "all"
	}
	return strings.Join(o.exts, ",")
}

func parse(args []string) (options, error) {
	opts := options{workers: runtime.GOMAXPROCS(0), top: 20, exts: []string{".go"}}
	flags := flag.NewFlagSet("wordcount", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run says what is wrong, in one line
	flags.Func("workers", "", number(&opts.workers, 1, 1024))
	flags.Func("top", "", number(&opts.top, 0, 1_000_000))
	flags.Func("ext", "", func(s string) (err error) {
		opts.exts, err = endings(s)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 1 {
		return opts, fmt.Errorf("give one folder, after the flags, not %d arguments: %s",
			flags.NArg(), strings.Join(flags.Args(), " "))
	}
	if flags.NArg() == 1 && flags.Arg(0) == "" {
		return opts, errors.New(`the folder's name is empty; give "." for this one, or none for the Go toolchain's source`)
	}
	opts.folder = flags.Arg(0)
	return opts, nil
}

func number(to *int, least, most int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return fmt.Errorf("give a whole number from %d to %d", least, most)
		}
		*to = n
		return nil
	}
}

func endings(list string) ([]string, error) {
	if list == "" || list == "all" {
		return nil, nil
	}
	exts := strings.Split(list, ",")
	for i, ext := range exts {
		ext = "." + strings.TrimPrefix(strings.TrimSpace(ext), ".")
		if ext == "." || strings.ContainsAny(ext, "*?/") {
			return nil, errors.New("give endings such as .go or .go,.md, or all")
		}
		exts[i] = ext
	}
	return exts, nil
}

// toolchainSource is the folder with the source of the Go toolchain.
func toolchainSource(ctx context.Context) (string, error) {
	root := os.Getenv("GOROOT")
	if root == "" {
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if root = strings.TrimSpace(string(out)); err != nil || root == "" {
			return "", fmt.Errorf("cannot find the Go toolchain's source: GOROOT is not set and "+
				"\"go env GOROOT\" gave no folder (%v); name a folder to count", err)
		}
	}
	return filepath.Join(root, "src"), nil
}

func openFolder(folder string) (fs.FS, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot open the folder %s: %w", folder, reason(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a folder; give one", folder)
	}
	return os.DirFS(folder), nil
}
