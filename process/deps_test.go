//go:build linux

package process_test

import (
	"os/exec"
	"strings"
	"testing"
)

// What this package needs of others, nobody who does not import it has to build.
func TestOnlyProcessesNeedTheirDependencies(t *testing.T) {
	const module = "github.com/gothreading/threading"
	list := func(args ...string) []string {
		t.Helper()
		cmd := exec.Command("go", append([]string{"list"}, args...)...)
		cmd.Dir = ".."
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("go list: %v", err)
		}
		return strings.Fields(string(out))
	}
	for _, pkg := range list("./...") {
		path := strings.TrimPrefix(pkg, module+"/")
		switch top, _, _ := strings.Cut(path, "/"); {
		case top == "process", top == "examples", path == "internal/shm":
			continue
		}
		for _, dep := range list("-deps", pkg) {
			for _, theirs := range []string{"github.com/fxamacker/", "github.com/x448/", "golang.org/x/sys", module + "/process"} {
				if strings.HasPrefix(dep, theirs) {
					t.Errorf("%s needs %s", pkg, dep)
				}
			}
		}
	}
}
