"""Files as they are distributed: downloads and formats."""
