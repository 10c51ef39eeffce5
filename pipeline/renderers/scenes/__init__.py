"""Scenes of solids."""
