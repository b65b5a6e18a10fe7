"""Finds in Python sources what the Go module threading has an answer to."""
