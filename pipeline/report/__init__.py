"""One page on all experiments. May import ground, statistics, conclusions, figures."""
