"""A preload of workers beside the run, by Dask's name for it: Ctrl-C, which the terminal sends to all, is the run's."""

import signal


def dask_setup(worker: object) -> None:
    """Called by Dask in each worker's process before it works."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
