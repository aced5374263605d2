"""Milestones that the client confirms: the question, and what follows from the answer."""
