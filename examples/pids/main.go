// Command pids tells who is whose parent: the main process, a child, and a child of that one.
// It is a port of this Python program:
//
//	def info(title):
//	    print(title)
//	    print('parent process:', os.getppid())
//	    print('process id:', os.getpid())
//
//	def f(name):
//	    info('function f')
//	    print('hello', name)
//
//	if __name__ == '__main__':
//	    info('main line')
//	    p = Process(target=f, args=('bob',))
//	    p.start(); p.join()
//
// The differences that matter:
//
//   - process.Parent and process.Current know the names, too. os.Getppid is another process when the parent has ended;
//     Parent stays who it was, and ParentDone tells.
//   - A child that starts a child needs no permission: daemons may have children here, and they end with their parent.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gothreading/threading/examples/internal/demo"
	"github.com/gothreading/threading/process"
)

var program = demo.Program{
	Name: "pids",
	Does: "Tells who is whose parent.",
	Run:  run,
}

func main() {
	process.Init()
	program.Main()
}

func info(out io.Writer, title string) {
	self, parent := process.Current(), process.Parent()
	fmt.Fprintf(out, "%s\n%s, process id %d, parent %q %d\n", title, self.Name, self.Pid, parent.Name, parent.Pid)
}

// f is registered in an init function, because it starts itself.
var f *process.Func[int, struct{}]

func init() {
	f = process.Register(func(_ context.Context, below int) (struct{}, error) {
		info(os.Stdout, "function f")
		if below > 0 {
			p, err := process.Go(f, below-1)
			if err != nil {
				return struct{}{}, err
			}
			p.Join()
			return struct{}{}, p.Err()
		}
		_, err := fmt.Println("hello bob")
		return struct{}{}, err
	})
}

func run(out io.Writer, _ time.Duration) error {
	file, done, err := demo.File(out)
	if err != nil {
		return err
	}
	defer done()
	info(file, "main line")
	p, err := process.Go(f, 1, process.Stdout(file))
	if err != nil {
		return err
	}
	p.Join()
	return p.Err()
}
