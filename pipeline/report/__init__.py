"""One page on all experiments. May import ground, contracts, statistics, wording, conclusions, figures."""
