package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A priority queue computes which of two items leaves first, because it cannot be guessed. Whether that takes a branch
// is up to the compiler.
func TestOrderHasNoBranch(t *testing.T) {
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	const text = `package main

import "github.com/gothreading/threading/queue"

func main() { println(compare(len([]int{1}), 2)) }

var compare = queue.By(func(i int) int { return i })
`
	if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-race=false", "-o", program, source)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command("go", "tool", "objdump", "-s", `queue\.order\[go\.shape\.int\]$`, program).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "CMPQ") {
		t.Fatalf("%v\n%s", err, out)
	}
	// order.go:30	0x4c39a8	0f9fc1	SETG CL
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 3 && strings.HasPrefix(fields[3], "J") {
			t.Errorf("it has a branch: %s", line)
		}
	}
}
