package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gothreading/threading/lock"
)

// A console is stderr: lines that stay and, if it is live, the progress as a last line that is rewritten.
type console struct {
	out  io.Writer
	live bool

	lock  lock.Lock // workers report while the main thread shows progress
	width int       // of the live line now on the screen
}

// progress shows line in place of the last one, or below it if the console is not live.
func (c *console) progress(line string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if !c.live {
		fmt.Fprintln(c.out, line)
		return
	}
	fmt.Fprintf(c.out, "\r%-*s", c.width, line) // padded, to cover the line before
	c.width = len(line)
}

// report writes a line that stays, above the live one.
func (c *console) report(line string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.width > 0 {
		line = fmt.Sprintf("\r%-*s", c.width, line)
		c.width = 0
	}
	fmt.Fprintln(c.out, line)
}

// end shows line as the last progress, and leaves it.
func (c *console) end(line string) {
	c.progress(line)
	if c.live {
		fmt.Fprintln(c.out)
		c.width = 0
	}
}

// line is the progress after the time d.
func (s sums) line(d time.Duration) string {
	return fmt.Sprintf("%s files, %s MB in %.1f s: %s", thousands(s.files), megabytes(s.bytes), d.Seconds(), s.rate(d))
}

func (s sums) rate(d time.Duration) string {
	if d <= 0 {
		return "too fast to measure"
	}
	return fmt.Sprintf("%s files/s, %s MB/s", thousands(int(float64(s.files)/d.Seconds())),
		megabytes(int64(float64(s.bytes)/d.Seconds())))
}

// table is the result for people.
func (r result) table(opts options) []byte {
	type row struct {
		word  string
		count int
	}
	rows := make([]row, 0, len(r.counts))
	for word, count := range r.counts {
		rows = append(rows, row{word, *count})
	}
	slices.SortFunc(rows, func(a, b row) int {
		if a.count != b.count {
			return cmp.Compare(b.count, a.count)
		}
		return strings.Compare(a.word, b.word)
	})

	var b bytes.Buffer
	if r.partial {
		fmt.Fprintf(&b, "PARTIAL RESULT: interrupted, these are the files counted until then\n\n")
	}
	if top := rows[:min(opts.top, len(rows))]; len(top) > 0 {
		fmt.Fprintf(&b, "%6s  %13s  %6s  %s\n", "rank", "count", "share", "word")
		for i, row := range top {
			share := 100 * float64(row.count) / float64(r.words)
			fmt.Fprintf(&b, "%6d  %13s  %5.2f%%  %s\n", i+1, thousands(row.count), share, row.word)
		}
		fmt.Fprintln(&b)
	}
	total := func(name, value, note string) {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("%-14s  %13s  %s", name, value, note), " "))
	}
	total("files", thousands(r.files), opts.kind()+" in "+opts.folder)
	total("bytes", thousands(int(r.bytes)), "")
	total("words", thousands(r.words), "")
	total("distinct words", thousands(len(r.counts)), "")
	total("unreadable", thousands(r.unreadable), "")
	total("seconds", fmt.Sprintf("%.2f", r.time.Seconds()),
		fmt.Sprintf("%s, -workers %d", r.rate(r.time), opts.workers))
	return b.Bytes()
}

// thousands writes n with a comma after every three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func megabytes(n int64) string { return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) }

// reason is err without the call and the path, which the messages here name themselves.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
