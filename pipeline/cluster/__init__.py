"""Stages on Dask workers: where those are, what runs on which, files without a shared disk. May import ground, running."""
