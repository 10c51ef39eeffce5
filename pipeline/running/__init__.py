"""How `latentlab repro` runs stages: in what order, at the same time, shown how, for how long. May import ground."""
