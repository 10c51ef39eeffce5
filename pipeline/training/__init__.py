"""What an experiment's entry may say, and the one loop that trains it, seed by seed. May import ground, contracts."""
