"""One file an objective. May import ground, contracts."""
