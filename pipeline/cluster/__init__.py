"""Stages on Dask workers: what runs where, where they are, files without a shared disk. May import ground, running."""
