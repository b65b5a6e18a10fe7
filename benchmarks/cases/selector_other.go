//go:build !linux

package cases

// selectorRows are none: a Selector needs Linux.
func selectorRows(Sizes) []Row { return nil }
