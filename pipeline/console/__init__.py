"""What commands say while they run: help, errors, progress. Changes no result. May import ground."""
