"""From a trained model to evidence, and from evidence to numbers. May import ground, contracts, judges, statistics."""
