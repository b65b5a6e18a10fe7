//go:build cgo && !windows

package cthread

import "C"

//export cthreadCallback
func cthreadCallback() { callback() }
