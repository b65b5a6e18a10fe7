package cases

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gothreading/threading/process"
)

// messageSize is that of a request, and of its reply.
const messageSize = 64

// A serverKind is a server in a child process.
type serverKind struct {
	name, child string
	main        bool
}

// serverKinds returns ours and the others.
func serverKinds() []serverKind {
	kinds := []serverKind{
		{name: "socketserver", child: "socketserver"},
		{name: "net loop", child: "net", main: true},
		{name: "gnet", child: "gnet"},
		{name: "selectors, one goroutine", child: "selectors"},
	}
	if _, err := exec.LookPath("python3"); err == nil {
		kinds = append(kinds,
			serverKind{name: "Python ThreadingTCPServer", child: "python threading", main: true},
			serverKind{name: "Python selectors", child: "python selectors"},
		)
	}
	return kinds
}

// processKinds are those whose handlers run in processes.
func processKinds() []serverKind {
	if process.Supported() != nil {
		return nil
	}
	kinds := []serverKind{{name: "socketserver, Processes(20)", child: processServer}}
	if _, err := exec.LookPath("python3"); err == nil {
		kinds = append(kinds, serverKind{name: "Python ForkingTCPServer", child: "python forking", main: true})
	}
	return kinds
}

// serverRows are servers with the same client.
func serverRows(s Sizes) []Row {
	var rows []Row
	addOf := func(kinds []serverKind, name string, body func(child string) func() Body) {
		row := Row{Name: name, Group: "Servers"}
		for i, kind := range kinds {
			c := Contender{Name: kind.name, Main: kind.main, New: body(kind.child)}
			if i == 0 {
				row.Ours = c
			} else {
				row.Rivals = append(row.Rivals, c)
			}
		}
		rows = append(rows, row)
	}
	add := func(name string, body func(child string) func() Body) { addOf(serverKinds(), name, body) }
	for _, n := range s.Connections {
		add(fmt.Sprintf("Server: round trips, %s connections", size(n)),
			func(child string) func() Body { return func() Body { return roundTrips(child, n) } })
	}
	add("Server: connect, echo, close",
		func(child string) func() Body { return func() Body { return connects(child) } })
	if kinds := processKinds(); len(kinds) > 0 {
		addOf(kinds, "Server: connect, echo, close, handled in 20 processes",
			func(child string) func() Body { return func() Body { return connects(child) } })
	}
	add("Server: CPU of a round trip",
		func(name string) func() Body {
			return func() Body {
				server := startChild(name)
				body := roundTripsWith(server, s.Connections[0])
				body.Spent = server.cpu
				return body
			}
		})
	return rows
}

func roundTrips(child string, connections int) Body {
	return roundTripsWith(startChild(child), connections)
}

// roundTripsWith has a goroutine for each connection, which sends a message and reads the reply, in turns.
func roundTripsWith(server *child, connections int) Body {
	conns := make([]net.Conn, connections)
	for i := range conns {
		c, err := net.Dial("tcp", server.addr)
		must(err)
		conns[i] = c
	}
	var count atomic.Int64
	return Body{
		Run: func(_ Timer, n int) {
			var all sync.WaitGroup
			for i, c := range conns {
				trips := share(n, i, connections)
				if trips == 0 {
					continue
				}
				all.Go(func() {
					buf := make([]byte, messageSize)
					for range trips {
						_, err := c.Write(buf)
						must(err)
						_, err = io.ReadFull(c, buf)
						must(err)
					}
					count.Add(int64(trips))
				})
			}
			all.Wait()
		},
		Count: func() int { return int(count.Load()) },
		Close: func() {
			for _, c := range conns {
				must(c.Close())
			}
			server.close()
		},
	}
}

// connects has twenty goroutines, each of which connects, sends a message, reads the reply and hangs up.
func connects(name string) Body {
	const callers = 20
	server := startChild(name)
	var count atomic.Int64
	return Body{
		Run: func(_ Timer, n int) {
			var all sync.WaitGroup
			for i := range callers {
				all.Go(func() {
					buf := make([]byte, messageSize)
					for range share(n, i, callers) {
						c, err := net.DialTimeout("tcp", server.addr, 30*time.Second)
						must(err)
						_, err = c.Write(buf)
						must(err)
						_, err = io.ReadFull(c, buf)
						must(err)
						must(c.(*net.TCPConn).SetLinger(0)) // or the ports would run out
						must(c.Close())
						count.Add(1)
					}
				})
			}
			all.Wait()
		},
		Count: func() int { return int(count.Load()) },
		Close: server.close,
	}
}
