"""Decisions: what the client is asked, who may answer, what was answered, and the proof of it; for all kinds."""
