"""Documents for people: pages set as PDF/A, and what is attached to such pages read back out of them.

Knows nothing of what stands on a page: data in, bytes out.
"""
