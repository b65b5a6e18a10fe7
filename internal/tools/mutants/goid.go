package main

var goidMutants = []mutant{
	{
		Name: "an id that is wrong is trusted",
		File: "internal/goid/goid.go",
		Func: "holds",
		Old: `if uint64(fast()) != Certain() {
	return false
}`,
		New: "",
	},
}
