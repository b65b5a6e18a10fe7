package socketserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gothreading/threading/socketserver"
)

// A ThreadingTCPServer: a line, and the line in return.
func Example() {
	s, err := socketserver.Listen("tcp", "127.0.0.1:0", func(c *socketserver.Conn) error {
		for {
			line, err := c.Reader().ReadString('\n')
			if err != nil {
				return err // io.EOF is the end of a client, and no failure
			}
			if _, err := io.WriteString(c, line); err != nil {
				return err
			}
		}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()

	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(c, "hello")
	line, _ := bufio.NewReader(c).ReadString('\n')
	fmt.Print(line)
	c.Close()

	s.Shutdown() // accepts no more, and waits for the handlers
	fmt.Printf("%+v\n", s.Stats())
	// Output:
	// hello
	// {Open:0 Accepted:1 Served:1 Failed:0 Rejected:0}
}

// Until a signal, and then ten seconds for those who are being served.
func ExampleServer_ServeContext() {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Millisecond) // or signal.NotifyContext
	defer stop()

	s, err := socketserver.Listen("tcp", "127.0.0.1:0", func(c *socketserver.Conn) error {
		_, err := io.Copy(c, c)
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.ServeContext(ctx)
	fmt.Println(err)
	if !s.ShutdownTimeout(10 * time.Second) {
		fmt.Println("somebody was cut off")
	}
	// Output: context deadline exceeded
}

// A TCPServer, which serves one client at a time, with a limit on the time that a client may be silent.
func ExampleLimit() {
	s, err := socketserver.Listen("tcp", "127.0.0.1:0", func(c *socketserver.Conn) error {
		_, err := fmt.Fprintln(c, "your turn")
		return err
	}, socketserver.Limit(1), socketserver.Timeout(time.Minute))
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()
	for range 2 {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			fmt.Println(err)
			return
		}
		said, _ := io.ReadAll(c)
		fmt.Printf("%s", said)
		c.Close()
	}
	s.Shutdown()
	// Output:
	// your turn
	// your turn
}

// handle_request with a timeout.
func ExampleServer_HandleRequestTimeout() {
	s, err := socketserver.Listen("tcp", "127.0.0.1:0", func(c *socketserver.Conn) error { return nil })
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Shutdown()
	err = s.HandleRequestTimeout(10 * time.Millisecond)
	fmt.Println(errors.Is(err, socketserver.ErrTimeout))
	// Output: true
}

// A ThreadingUDPServer.
func ExampleListenPacket() {
	s, err := socketserver.ListenPacket("udp", "127.0.0.1:0", func(p *socketserver.Packet) error {
		_, err := p.Write([]byte("got " + string(p.Data)))
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()

	c, err := net.Dial("udp", s.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Fprint(c, "a packet")
	buf := make([]byte, 100)
	n, _ := c.Read(buf)
	fmt.Printf("%s\n", buf[:n])
	s.Shutdown()
	// Output: got a packet
}
