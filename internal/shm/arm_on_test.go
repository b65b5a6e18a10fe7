//go:build threadingkill

package shm

func arm() { Arm() }
