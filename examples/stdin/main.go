// Command stdin waits for lines of standard input, and says how time passes while none comes.
// It is a port of this well-known Python program:
//
//	while True:
//	    readable, _, _ = select.select([sys.stdin], [], [], 5)
//	    if not readable:
//	        print("no data for 5 seconds")
//	        continue
//	    line = sys.stdin.readline()
//	    if not line: break
//	    print("got", line.strip())
//
// The differences that matter:
//
//   - sys.stdin has a buffer that select does not know of: if two lines come at once, readline takes both from the
//     descriptor and returns one, and the other is found when the next one comes. Here what was read is split into
//     lines before the next Select.
//   - readline waits for the end of a line of which a part has come, so nobody says any more how time passes. TryRead
//     takes what there is.
//   - A file is always ready, as with select; a terminal, a pipe and a socket are waited for.
//   - In Go a goroutine that reads lines and a channel do the same on every system. This is for a program that waits for
//     its sockets and the keyboard in one place.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gothreading/threading"
	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/selectors"
)

// The options are what the flags say.
type options struct{ keyboard bool }

var program = demo.Program{
	Name: "stdin",
	Does: "Waits for lines of a pipe that somebody fills slowly, and says when none comes.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.BoolVar(&o.keyboard, "keyboard", false, "wait for standard input instead")
		return o.run
	},
}

func main() { program.Main() }

func (o *options) run(out io.Writer, second time.Duration) error {
	if o.keyboard {
		return watch(out, os.Stdin, 5*second)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	typing := threading.NewThread(func() {
		defer w.Close()
		io.WriteString(w, "two\nlines\n")
		time.Sleep(8 * second)
		io.WriteString(w, "half a ")
		time.Sleep(2 * second)
		io.WriteString(w, "line\n")
	})
	typing.Start()
	defer typing.Join()
	return watch(out, r, 5*second)
}

// watch prints the lines of a file until its end, and that there was none for so long.
func watch(out io.Writer, file *os.File, patience time.Duration) error {
	sel, err := selectors.New[struct{}]()
	if err != nil {
		return err
	}
	defer sel.Close()
	if _, err := sel.Register(file, selectors.Read, struct{}{}); err != nil {
		return err
	}
	var unfinished []byte // line
	buf := make([]byte, 4096)
	for {
		ready, err := sel.SelectTimeout(patience)
		if err != nil {
			return err
		}
		if len(ready) == 0 {
			fmt.Fprintln(out, "no data for a while")
			continue
		}
		n, err := selectors.TryRead(file, buf)
		unfinished = append(unfinished, buf[:n]...)
		for {
			line, rest, found := bytes.Cut(unfinished, []byte("\n"))
			if !found {
				break
			}
			fmt.Fprintf(out, "got %s\n", line)
			unfinished = rest
		}
		switch {
		case err == io.EOF:
			if len(unfinished) > 0 {
				fmt.Fprintf(out, "got %s, and the end\n", unfinished)
			}
			return nil
		case err != nil && !errors.Is(err, selectors.ErrWouldBlock):
			return err
		}
	}
}
