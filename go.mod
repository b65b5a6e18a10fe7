module github.com/gothreading/threading

go 1.25
