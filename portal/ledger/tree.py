"""The Merkle tree of RFC 9162 section 2.1 with SHA-256: pure functions, no database.

A tree is never kept whole. Its *frontier* is enough to go on: the roots of the perfect subtrees that its leaves fall
into, the largest (leftmost) first, 32 bytes each; one for every bit that is set in the tree's size.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
MAX_PROOF = 64
"""No tree of up to 2**63 leaves has a longer proof."""
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf; here a leaf is the digest of an event."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbours."""
    return sha256(b"\x01" + left + right).digest()


def split_frontier(frontier: bytes, size: int) -> list[bytes]:
    """The subtree roots of a frontier, largest first. Raises ValueError when no tree of that size has it."""
    if size < 0 or len(frontier) != HASH_BYTES * size.bit_count():
        raise ValueError(f"{len(frontier)} bytes are no frontier of a tree of {size} leaves")
    return [frontier[start : start + HASH_BYTES] for start in range(0, len(frontier), HASH_BYTES)]


def extend(frontier: bytes, size: int, leaves: Iterable[bytes]) -> bytes:
    """The frontier after more leaves. Raises ValueError as `split_frontier` does."""
    edge = split_frontier(frontier, size)
    for leaf in leaves:
        node, full = leaf_hash(leaf), size
        while full & 1:
            node = node_hash(edge.pop(), node)
            full >>= 1
        edge.append(node)
        size += 1
    return b"".join(edge)


def root(frontier: bytes, size: int) -> bytes:
    """The root of the tree with this frontier. Raises ValueError as `split_frontier` does."""
    edge = split_frontier(frontier, size)
    if not edge:
        return EMPTY_ROOT
    node = edge.pop()
    while edge:
        node = node_hash(edge.pop(), node)
    return node


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over all leaves (MTH in the RFC)."""
    return root(extend(b"", 0, leaves), len(leaves))


def subtree_ranges(size: int) -> list[range]:
    """Which leaves (from 0) each hash of a frontier covers, in the frontier's order."""
    ranges, start = [], 0
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            ranges.append(range(start, start + (1 << bit)))
            start += 1 << bit
    return ranges


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (which is at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path from leaf `index` (from 0) to the root (RFC 9162, 2.1.3.1). Raises ValueError outside the tree."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"leaf {index} is outside a tree of {len(leaves)}")
    path, start, end = [], 0, len(leaves)
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start = middle
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether `leaf` stands at `index` (from 0) of the tree with that size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _well_formed(proof):
        return False
    position, last, node = index, size - 1, leaf_hash(leaf)
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            position, last = _climb(position, last)
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == expected_root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """That the tree over `leaves` continues the one over its first `old_size` (RFC 9162, 2.1.4.1).

    Empty for an empty or an equal old tree. Raises ValueError for an old size outside the tree.
    """
    if not 0 <= old_size <= len(leaves):
        raise ValueError(f"a tree of {old_size} leaves cannot come before one of {len(leaves)}")
    return _subproof(leaves, old_size, whole=True) if old_size else []


def _subproof(leaves: Sequence[bytes], old_size: int, *, whole: bool) -> list[bytes]:
    if old_size == len(leaves):
        return [] if whole else [root_of(leaves)]
    middle = _split(len(leaves))
    if old_size <= middle:
        return [*_subproof(leaves[:middle], old_size, whole=whole), root_of(leaves[middle:])]
    return [*_subproof(leaves[middle:], old_size - middle, whole=False), root_of(leaves[:middle])]


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the new tree begins with exactly the old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= new_size or not _well_formed(proof):
        return False
    if old_size in (0, new_size):
        return not proof and old_root == (new_root if old_size else EMPTY_ROOT)
    path = [old_root, *proof] if old_size.bit_count() == 1 else proof
    return bool(path) and _replay(path, old_size - 1, new_size - 1) == (old_root, new_root)


def _replay(path: Sequence[bytes], position: int, last: int) -> tuple[bytes, bytes] | None:
    """The old and the new root that a consistency proof leads to; None when it is too short or too long."""
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            position, last = _climb(position, last)
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return (old, new) if last == 0 else None


def _climb(position: int, last: int) -> tuple[int, int]:
    """Past the levels where the node at the right edge has no sibling."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _well_formed(proof: Sequence[bytes]) -> bool:
    return len(proof) <= MAX_PROOF and all(len(node) == HASH_BYTES for node in proof)
