"""The judge of a role: fitting it and asking it. May import ground, contracts."""
