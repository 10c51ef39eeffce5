"""Stages on Dask workers: where they are, what runs where, files without a shared disk. May import ground, running."""
