"""One page on all experiments. May import ground, statistics, wording, conclusions, figures."""
