package socketserver_test

func setLimit(int) {}
