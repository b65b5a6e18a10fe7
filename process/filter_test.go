package process_test

func filtered() {}
