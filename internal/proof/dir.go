package proof

import (
	"os"
	"testing"
)

// ShortDir returns a folder that is gone when the test has ended, and whose
// path leaves room for the name of a Unix socket. The folder for temporary
// files may be too deep for that, and t.TempDir adds the name of the test.
func ShortDir(t testing.TB) string {
	t.Helper()
	parent := ""
	if len(os.TempDir()) > 70 { // of some hundred bytes
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
