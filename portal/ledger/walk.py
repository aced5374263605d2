"""Going through a ledger once, from its first event to its last, and holding it against heads signed before."""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.ledger import tree
from portal.ledger.faults import Fault, Why

SETTLE_EVERY = 1_000


class Broken(Exception):
    """Ends a verification at the first fault. `seq` is the first event that is, or may be, concerned."""

    def __init__(self, seq: int | None, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.seq = seq
        self.why = why
        self.detail = detail

    def fault(self, project: str) -> Fault:
        """The fault, told of a project."""
        return Fault(project, self.seq, self.why, self.detail)


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A head that the ledger must lead to; `source` says where it comes from."""

    size: int
    root: bytes
    source: str


class Walk:
    """The tree over the events so far. Keeps the frontier alone, so its memory does not grow with the ledger."""

    def __init__(self, heads: Iterable[KnownHead]) -> None:
        self._heads: dict[int, list[KnownHead]] = {}
        for head in heads:
            self._heads.setdefault(head.size, []).append(head)
        self._pending: list[bytes] = []
        self._settled = 0
        self._proved = 0
        self.frontier = b""
        self._compare()

    @property
    def size(self) -> int:
        """How many events were taken."""
        return self._settled + len(self._pending)

    @property
    def root(self) -> bytes:
        """The root over all events so far."""
        self._settle()
        return tree.root(self.frontier, self._settled)

    def take(self, digest: bytes) -> None:
        """The next event's digest. Raises Broken when the tree now differs from a head of this size."""
        self._pending.append(digest)
        if self.size in self._heads:
            self._compare()
        elif len(self._pending) >= SETTLE_EVERY:
            self._settle()

    def finish(self) -> None:
        """After the last event. Raises Broken when a head is known that covers more events than there are."""
        self._settle()
        beyond = [head for size, heads in self._heads.items() for head in heads if size > self.size]
        if beyond:
            head = min(beyond, key=lambda one: one.size)
            detail = f"the ledger ends at {self.size}, but {head.source} covers {head.size} events"
            raise Broken(self.size + 1, Why.CUT, detail)

    def _settle(self) -> None:
        self.frontier = tree.extend(self.frontier, self._settled, self._pending)
        self._settled, self._pending = self.size, []

    def _compare(self) -> None:
        root = self.root
        for head in self._heads.get(self._settled, ()):
            if head.root != root:
                span = f"events {self._proved + 1} to {self._settled}" if self._settled else "the empty ledger"
                raise Broken(self._proved + 1, Why.REWRITTEN, f"{span}: their root is not the one of {head.source}")
            self._proved = self._settled
