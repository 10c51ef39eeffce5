"""Stages on Dask workers: where they are, what runs on which, and files without a shared disk. May import ground."""
