package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python returns the name of a Python that can run the scanner, or skips the test.
func python(t *testing.T) string {
	t.Helper()
	name, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here: ", err)
	}
	if err := exec.Command(name, "-c", "import sys; sys.exit(sys.version_info < (3, 8))").Run(); err != nil {
		t.Skip("python3 is older than 3.8, or does not run: ", err)
	}
	return name
}

func TestTheScanner(t *testing.T) {
	out, err := exec.Command(python(t), "-B", "-m", "unittest", "-v").CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, []byte("\nOK")) || bytes.Contains(out, []byte("Ran 0 tests")) {
		t.Fatal("no test has run")
	}
}

// What go run has in itself is all that the scanner needs.
func TestTheProgramRunsTheScanner(t *testing.T) {
	python(t)
	dir := t.TempDir()
	program := filepath.Join(dir, "port.exe")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.py"), []byte("import threading\nthreading.Lock()\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "x.py")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if want := "x.py:2: threading.Lock()  → var l lock.Lock\n"; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("%v\n%swant %s", err, out, want)
	}
	cmd = exec.Command(program, "none.py")
	cmd.Dir = dir
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "there is no none.py") {
		t.Errorf("of a file that is not there: exit code %d\n%s", cmd.ProcessState.ExitCode(), out)
	}
}
