"""One file a data role: its sources, and how they are split. May import ground, console, contracts, renderers."""
