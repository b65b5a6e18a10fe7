package manager_test

import "os"

const childEnv = "MANAGER_TEST_CHILD"

func runChild(string) { os.Exit(0) }
