//go:build !threadingdebug

package cases

// watchedRows are none in an ordinary build, in which nothing is watched.
func watchedRows(Sizes) []Row { return nil }
