package thread

// Tables returns how many tables t remembers to delete values from.
func Tables(t *Thread) int { return len(t.values.tables) }
