"""What experiments cost on a device: work, hours, money. May import ground, running, contracts, training."""
