"""Traceability: which requirement, design, item and change request belong together. Knows numbers, no titles."""
