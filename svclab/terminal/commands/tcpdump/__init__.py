"""tcpdump: `expressions` reads filters, `capture` finds packets in traces, `printing` writes them,
`program`.
"""
