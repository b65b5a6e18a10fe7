package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
)

const usage = `usage: wordcount [flags] [folder]

Counts the words in the files of a folder and of all folders below it, by default of the Go toolchain's own source,
and lists the most frequent ones. A word is a letter or an underscore and the letters, digits and underscores that
follow it, in any script. Symbolic links are not followed. A file or folder that cannot be read is reported, counted
as unreadable and left out.

  -ext list     count files with one of these endings, separated by commas; all or "": every file
                (default .go)
  -top n        list the n most frequent words; 0: only the totals (default 20)
  -workers n    count with n threads (default: one for each processor Go may use)

Ctrl-C stops after the files in hand and prints the result so far; a second one stops at once.
Exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
`

// The exit codes.
const (
	done        = 0
	failed      = 1
	wrongUsage  = 2
	interrupted = 130 // what a shell reports for a program that Ctrl-C ended
)

// A program is what a run needs from outside.
type program struct {
	stdout, stderr io.Writer
	terminal       bool // whether stderr can show a live line
	open           func(folder string) (fs.FS, error)
}

func (p program) run(ctx context.Context, args []string) int {
	con := &console{out: p.stderr, live: p.terminal}
	opts, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		io.WriteString(p.stdout, usage)
		return done
	}
	if err != nil {
		con.report(fmt.Sprintf("wordcount: %v; -help shows the usage", err))
		return wrongUsage
	}
	partial, err := p.work(ctx, opts, con)
	switch {
	case err != nil:
		con.report(fmt.Sprintf("wordcount: %v", err))
		return failed
	case partial:
		return interrupted
	}
	return done
}

// work finds the folder, counts it and writes the table.
func (p program) work(ctx context.Context, opts options, con *console) (partial bool, err error) {
	if opts.folder == "" {
		if opts.folder, err = toolchainSource(ctx); err != nil {
			return false, err
		}
	}
	fsys, err := p.open(opts.folder)
	if err != nil {
		return false, err
	}
	res, err := count(ctx, fsys, opts, con)
	if err != nil {
		return false, err
	}
	if _, err := p.stdout.Write(res.table(opts)); err != nil {
		return false, fmt.Errorf("cannot write the result: %w", err)
	}
	return res.partial, nil
}
