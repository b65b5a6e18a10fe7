package selectors_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/gothreading/threading/selectors"
)

// The server of Python's manual: the data of a registration is the function to call.
func Example() {
	type callback func(key *selectors.Key[callback], e selectors.Event) error
	sel, err := selectors.New[callback]()
	if err != nil {
		fmt.Println(err)
		return
	}
	read := func(key *selectors.Key[callback], _ selectors.Event) error {
		buf := make([]byte, 1000)
		n, err := selectors.TryRead(key.File, buf)
		switch {
		case errors.Is(err, selectors.ErrWouldBlock):
			return nil
		case err != nil: // the end, or a reset
			return errors.Join(sel.Unregister(key.File), key.File.(net.Conn).Close())
		}
		_, err = selectors.TryWrite(key.File, buf[:n]) // a large part would need Write interest
		return err
	}
	accept := func(key *selectors.Key[callback], _ selectors.Event) error {
		c, err := selectors.TryAccept(key.File.(net.Listener))
		if errors.Is(err, selectors.ErrWouldBlock) {
			return nil
		} else if err != nil {
			return err
		}
		_, err = sel.Register(c, selectors.Read, read)
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	if _, err := sel.Register(l, selectors.Read, accept); err != nil {
		fmt.Println(err)
		return
	}
	over := make(chan error)
	go func() {
		for {
			ready, err := sel.Select()
			if err != nil {
				over <- err
				return
			}
			for _, r := range ready {
				if err := r.Data(r.Key, r.Events); err != nil {
					fmt.Println(err)
				}
			}
		}
	}()

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(c, "hello")
	buf := make([]byte, 6)
	_, _ = io.ReadFull(c, buf)
	fmt.Printf("%s", buf)
	c.Close()
	_ = sel.Close()
	fmt.Println(<-over)
	// Output:
	// hello
	// selectors: the Selector is closed
}

// select.select([r], [], [], timeout): out of time is an empty slice.
func ExampleSelector_SelectTimeout() {
	sel, err := selectors.New[string]()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sel.Close()
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	defer w.Close()
	if _, err := sel.Register(r, selectors.Read, "the pipe"); err != nil {
		fmt.Println(err)
		return
	}
	ready, _ := sel.SelectTimeout(time.Millisecond)
	fmt.Println(len(ready), "ready")
	fmt.Fprint(w, "x")
	ready, _ = sel.SelectTimeout(time.Minute)
	fmt.Println(ready[0].Data, "is ready for", ready[0].Events)
	// Output:
	// 0 ready
	// the pipe is ready for Read
}
