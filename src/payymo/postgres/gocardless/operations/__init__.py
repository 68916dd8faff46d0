"""Reads and writes, each named for what the caller gets."""
