// Command forking answers calls in processes of their own, so that a call that goes wrong takes no other with it. It is a
// port of this Python program:
//
//	class Menu(socketserver.BaseRequestHandler):
//	    def handle(self):
//	        self.request.sendall(b"Welcome to 10086. 1: balance, 0: operator, exit: hang up")
//	        while True:
//	            data = self.request.recv(1024)
//	            if data == b"exit": break
//	            ...                                 # sendall of an answer
//
//	socketserver.ForkingTCPServer(("127.0.0.1", 8009), Menu).serve_forever()
//
// The differences that matter:
//
//   - Python forks for every call, and the child has a copy of all that the server has in memory. Here the children are
//     this program, started again; they know what the handler is told, are kept, and are handed one call after the
//     other, which is many times as fast.
//   - ForkingTCPServer has 40 children at most, and then waits for one to end before it accepts. The number is an option
//     here.
//   - A child that dies is nobody's business in Python. Here OnError is told which call it was, and how the child ended.
//   - A goroutine for each call does for a menu like this one, and uses all processors: examples/echo has that. A process
//     is for a handler that may crash, leak, or not come back.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/socketserver"
)

// The options are what the flags say.
type options struct{ children int }

var program = demo.Program{
	Name: "forking",
	Does: "Answers calls in processes of their own, of which one crashes.",
	Flags: func(f *flag.FlagSet) demo.Run {
		o := new(options)
		f.IntVar(&o.children, "children", 3, "so many `processes` answer")
		return o.run
	},
}

func main() {
	process.Init()
	program.Main()
}

var answering = socketserver.Register(answer)

// answer is the menu, in a child.
func answer(c *socketserver.Conn) error {
	say := func(text string) { fmt.Fprintf(c, "[%d] %s\n", os.Getpid(), text) }
	say("Welcome to 10086. 1: balance, 0: operator, exit: hang up")
	for {
		line, err := c.Reader().ReadString('\n')
		if err != nil {
			return err
		}
		switch strings.TrimSpace(line) {
		case "1":
			say("Your balance is 50 yuan.")
		case "0":
			say("All operators are busy.")
		case "9": // is not on the menu, and should not be
			os.Exit(9)
		case "exit":
			say("Goodbye.")
			return nil
		default:
			say("What did you say?")
		}
	}
}

func (o *options) run(out io.Writer, _ time.Duration) error {
	if o.children < 2 || o.children > 100 {
		return demo.BadInput("-children %d: want 2 to 100", o.children)
	}
	told := make(chan error, 1)
	s, err := socketserver.Listen("tcp", "127.0.0.1:0", nil,
		socketserver.Processes(o.children, answering),
		socketserver.OnError(func(_ *socketserver.Conn, err error) { told <- err }))
	if err != nil {
		return err
	}
	over := make(chan error, 1)
	go func() { over <- s.Serve() }()

	anna, err := newCall(s.Addr(), "anna", out)
	if err != nil {
		return err
	}
	bert, err := newCall(s.Addr(), "bert", out)
	if err != nil {
		return err
	}
	anna.say("1")
	bert.say("hello?")
	bert.say("9")
	fmt.Fprintf(out, "the server: %v\n", <-told)
	anna.say("0") // in her own process, she has heard nothing of that
	carl, err := newCall(s.Addr(), "carl", out)
	if err != nil {
		return err
	}
	carl.say("exit")
	anna.say("exit")
	for _, c := range []*call{anna, bert, carl} {
		c.hangUp()
	}
	s.Shutdown()
	n := s.Stats()
	fmt.Fprintf(out, "%d calls, %d failed; %d children are left\n", n.Served, n.Failed, len(process.Children()))
	return <-over
}

// A call is one to the menu.
type call struct {
	net.Conn
	name string
	in   *bufio.Reader
	out  io.Writer
}

func newCall(addr net.Addr, name string, out io.Writer) (*call, error) {
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		return nil, err
	}
	made := &call{c, name, bufio.NewReader(c), out}
	made.hear()
	return made, nil
}

func (c *call) say(text string) {
	fmt.Fprintf(c.out, "%s says: %s\n", c.name, text)
	fmt.Fprintln(c, text)
	c.hear()
}

func (c *call) hear() {
	line, err := c.in.ReadString('\n')
	if err != nil {
		line = "(the line is dead)\n"
	}
	fmt.Fprintf(c.out, "%s hears: %s", c.name, line)
}

func (c *call) hangUp() { _ = c.Close() }
