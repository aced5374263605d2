"""The ledger: every change of a project is one event, appended here; a Merkle tree over them proves it.

Knows no room above it. Other rooms use `create`, `lock` and `append`, and the queries.
"""

from portal.ledger.commands import NewEvent, append, create, lock
from portal.ledger.models import Audience

__all__ = ["Audience", "NewEvent", "append", "create", "lock"]
