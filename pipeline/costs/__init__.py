"""What experiments cost on a device: work, hours, money. May import none."""
