package socketserver_test

func setLimit(int) {}

func limit() int { return 1 << 20 }
