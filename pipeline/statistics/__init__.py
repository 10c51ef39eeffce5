"""How sure a number is, how measurements are kept, and how numbers are written. May import ground."""
