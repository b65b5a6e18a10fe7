module github.com/gothreading/threading/tools/port

go 1.25.0
