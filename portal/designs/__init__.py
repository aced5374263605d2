"""Designs: versions with their files, pins, and approval bound to what was shown."""
