"""How numbers are written, in the report as on the screen. May import none."""
