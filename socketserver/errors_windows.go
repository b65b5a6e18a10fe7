package socketserver

import "syscall"

// What Windows calls them.
const (
	wsaeMFILE   = syscall.Errno(10024)
	wsaeMSGSIZE = syscall.Errno(10040)
	wsaeNOBUFS  = syscall.Errno(10055)
)

var (
	systemEnds   = []error{syscall.WSAECONNRESET, syscall.WSAECONNABORTED}
	systemScarce = []error{wsaeMFILE, wsaeNOBUFS}
	systemGone   = []error{syscall.WSAECONNRESET, syscall.WSAECONNABORTED}
)
