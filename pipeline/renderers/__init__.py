"""The images of the embedded sources, a folder a role: pure functions of numbers. May import none."""
