"""One file a figure. May import ground, contracts, judges."""
