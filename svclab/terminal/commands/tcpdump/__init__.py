"""tcpdump: `expressions` reads filters, `capture` finds packets in traces, `frames` makes bytes of them,
`printing` and `names` words, `program` is the command.
"""
