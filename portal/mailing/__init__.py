"""Telling people: which events reach whom by mail, and how their answers and bounces come back.

Stands above the decisions: it alone knows memberships, decisions and wishes at once. The outbox is in `notify`.
"""
