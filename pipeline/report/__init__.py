"""One page on all experiments. May import ground, contracts, statistics, conclusions, figures."""
