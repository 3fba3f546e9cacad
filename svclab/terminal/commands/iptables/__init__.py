"""iptables: `listing` prints rules as -L does, `counters` counts packets, `program` is the commands."""
