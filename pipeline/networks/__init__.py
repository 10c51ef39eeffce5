"""One file an architecture. May import ground, contracts."""
