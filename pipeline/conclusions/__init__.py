"""What the reports concluded, and whether measurements bear it out. May import ground, statistics."""
