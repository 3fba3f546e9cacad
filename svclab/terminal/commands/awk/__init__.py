"""The awk language: `language` parses a program, `machine` runs it, `program` is the command."""
