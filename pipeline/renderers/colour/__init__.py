"""House numbers."""
