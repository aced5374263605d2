"""Test acceptance: plans, rounds, results, and the protocol that is signed."""
