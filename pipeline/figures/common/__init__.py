"""What figures share: their inputs and their look."""
