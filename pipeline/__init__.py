"""The library behind the stages: rooms from the ground up, in the order of `rooms` in pyproject.toml."""
