"""conntrack: a node's connection table, read, emptied and watched."""
