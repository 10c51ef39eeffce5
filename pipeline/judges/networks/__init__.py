"""One file a judge's network."""
