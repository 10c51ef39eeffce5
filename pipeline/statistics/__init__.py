"""How sure a number is, and how measurements are kept. May import ground."""
