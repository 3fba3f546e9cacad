"""The jq language: `language` parses a filter, `evaluation` runs it, `program` is the command."""
