//go:build linux && (amd64 || arm64)

package socketserver_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/gothreading/threading/process"
	"github.com/gothreading/threading/socketserver"
)

// In a package-level variable, so that the children find it.
var greeting = socketserver.Register(func(c *socketserver.Conn) error {
	name, err := c.Reader().ReadString('\n')
	if err != nil {
		return err
	}
	if name == "crash\n" {
		os.Exit(3)
	}
	_, err = fmt.Fprintf(c, "hello %s", name)
	return err
})

// A ForkingTCPServer. A handler that ends its process fails its own connection.
func ExampleProcesses() {
	// process.Init() is the first call in main.
	s, err := socketserver.Listen("tcp", "127.0.0.1:0", nil, socketserver.Processes(2, greeting),
		socketserver.OnError(func(_ *socketserver.Conn, err error) {
			var exit *process.ExitError
			if errors.As(err, &exit) {
				fmt.Println("a child ended with code", exit.Code)
			}
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()
	for _, name := range []string{"anna", "crash", "bert"} {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Fprintln(c, name)
		said, _ := io.ReadAll(c)
		fmt.Printf("%s", said)
		c.Close()
	}
	s.Shutdown()
	// Output:
	// hello anna
	// a child ended with code 3
	// hello bert
}
