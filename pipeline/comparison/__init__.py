"""Two revisions, or many, held against each other. May import ground, console, statistics, wording."""
