//go:build !(linux && amd64)

package main

import (
	"fmt"
	"runtime"
)

func count(string) (cost, error) {
	return cost{}, fmt.Errorf("%w: it takes linux/amd64, and this is %s/%s", errUnable, runtime.GOOS, runtime.GOARCH)
}
