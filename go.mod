module github.com/gothreading/threading

go 1.25

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/fxamacker/cbor/v2 v2.10.0
	github.com/petermattis/goid v0.0.0-20260820044319-269ab09b5261
	go.uber.org/goleak v1.3.0
	golang.org/x/sys v0.41.0
)

require github.com/x448/float16 v0.8.4 // indirect
