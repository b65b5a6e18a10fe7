//go:build !windows

package socketserver

var systemEnds, systemScarce, systemGone []error
