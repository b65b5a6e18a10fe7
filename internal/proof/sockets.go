package proof

import (
	"os"
	"testing"
)

// ShortTemp makes the folder of temporary files one with a short name, until the
// test ends, if it has a long one: Linux knows no socket whose name has more than
// 107 bytes.
func ShortTemp(t testing.TB) {
	t.Helper()
	const short, room = "/tmp", 50
	if _, err := os.Stat(short); err == nil && len(os.TempDir()) > room {
		t.Setenv("TMPDIR", short)
	}
}
