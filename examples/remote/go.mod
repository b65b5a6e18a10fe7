module github.com/gothreading/threading/examples/remote

go 1.25

require (
	github.com/bradfitz/gomemcache v0.0.0-20260422231931-4d751bb6e37c
	github.com/gothreading/threading v0.0.0
	github.com/pkg/sftp v1.13.10
	go.uber.org/goleak v1.3.0
	golang.org/x/crypto v0.48.0
)

require (
	github.com/kr/fs v0.1.0 // indirect
	github.com/petermattis/goid v0.0.0-20260820044319-269ab09b5261 // indirect
	golang.org/x/sys v0.41.0 // indirect
)

replace github.com/gothreading/threading => ../..
