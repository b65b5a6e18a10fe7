// Package module finds the root module, which the tools of this module work on.
package module

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const line = "module github.com/gothreading/threading\n"

// Root returns the folder of the root module: the current one, or the nearest
// above it whose go.mod names that module.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(strings.ReplaceAll(string(text), "\r\n", "\n"), line) {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", fmt.Errorf("no go.mod of the root module in %s or above it", start)
		}
	}
}
