"""The tree of RFC 9162: published vectors, and properties against the RFC's recursive definition."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.ledger import tree

# The leaves, roots and paths of the Certificate Transparency reference implementation (merkle_tree_test.cc).
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]

some_leaves = st.lists(st.binary(max_size=4), max_size=70)


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH, word for word as RFC 9162, 2.1.1 has it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def hexes(proof: list[bytes]) -> list[str]:
    return [node.hex() for node in proof]


def test_the_published_roots():
    assert [tree.root_of(LEAVES[:size]).hex() for size in range(9)] == ROOTS


@pytest.mark.parametrize(("index", "size", "path"), PATHS)
def test_the_published_inclusion_proofs(index, size, path):
    assert hexes(tree.inclusion_proof(LEAVES[:size], index)) == path
    proof = [bytes.fromhex(node) for node in path]
    assert tree.verify_inclusion(LEAVES[index], index, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCY)
def test_the_published_consistency_proofs(old, new, path):
    assert hexes(tree.consistency_proof(LEAVES[:new], old)) == path
    proof = [bytes.fromhex(node) for node in path]
    assert tree.verify_consistency(old, bytes.fromhex(ROOTS[old]), new, bytes.fromhex(ROOTS[new]), proof)


@pytest.mark.parametrize(
    ("size", "covered"),
    [(0, []), (1, [(0, 1)]), (4, [(0, 4)]), (7, [(0, 4), (4, 6), (6, 7)]), (10, [(0, 8), (8, 10)])],
)
def test_a_frontier_covers_the_leaves_by_perfect_subtrees_the_largest_first(size, covered):
    assert [(one.start, one.stop) for one in tree.subtree_ranges(size)] == covered


@given(some_leaves, st.data())
def test_a_frontier_that_grows_in_steps_has_the_root_of_the_recursive_definition(leaves, data):
    cut = data.draw(st.integers(0, len(leaves)))
    first = tree.extend(b"", 0, leaves[:cut])
    whole = tree.extend(first, cut, leaves[cut:])
    assert tree.root(first, cut) == naive_root(leaves[:cut])
    assert tree.root(whole, len(leaves)) == naive_root(leaves)


@given(some_leaves.filter(bool), st.data())
def test_every_leaf_is_proved_in_its_own_place_and_in_no_other(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = tree.inclusion_proof(leaves, index), naive_root(leaves)
    assert tree.verify_inclusion(leaves[index], index, len(leaves), proof, root)
    assert not tree.verify_inclusion(leaves[index] + b"x", index, len(leaves), proof, root)
    other = data.draw(st.integers(0, len(leaves) + 1).filter(lambda place: place != index))
    assert not tree.verify_inclusion(leaves[index], other, len(leaves), proof, root) or leaves[other] == leaves[index]


@given(some_leaves, st.data())
def test_a_tree_that_grew_is_consistent_with_every_older_one(leaves, data):
    old = data.draw(st.integers(0, len(leaves)))
    proof = tree.consistency_proof(leaves, old)
    assert tree.verify_consistency(old, naive_root(leaves[:old]), len(leaves), naive_root(leaves), proof)


@given(some_leaves.filter(lambda leaves: len(leaves) > 1), st.data())
def test_a_tree_whose_past_was_changed_is_consistent_with_no_older_one(leaves, data):
    old = data.draw(st.integers(1, len(leaves)))
    changed = list(leaves)
    changed[data.draw(st.integers(0, old - 1))] += b"x"
    proof = tree.consistency_proof(changed, old)
    assert not tree.verify_consistency(old, naive_root(leaves[:old]), len(leaves), naive_root(changed), proof)


@given(some_leaves.filter(lambda leaves: len(leaves) > 1), st.data())
def test_a_damaged_proof_proves_nothing(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = tree.inclusion_proof(leaves, index), naive_root(leaves)
    assert not tree.verify_inclusion(leaves[index], index, len(leaves), proof[:-1], root)
    assert not tree.verify_inclusion(leaves[index], index, len(leaves), [*proof, root], root)
    assert not tree.verify_inclusion(leaves[index], index, len(leaves), [proof[0][:31], *proof[1:]], root)
    old = data.draw(st.integers(1, len(leaves) - 1))
    path = tree.consistency_proof(leaves, old)
    assert not tree.verify_consistency(old, naive_root(leaves[:old]), len(leaves), root, [*path, root])
    assert not tree.verify_consistency(old, naive_root(leaves[:old]), len(leaves), root, path[:-1])
    assert not tree.verify_consistency(len(leaves) + 1, root, len(leaves), root, path)


LEAF, X, Y = LEAVES[3], bytes(range(32)), bytes(32)


@pytest.mark.parametrize(
    ("index", "size", "proof", "root"),
    [
        (-1, 1, [], tree.leaf_hash(LEAF)),
        (1, 1, [], tree.leaf_hash(LEAF)),
        (0, 1, [X], tree.node_hash(X, tree.leaf_hash(LEAF))),
        (0, 4, [X], tree.node_hash(tree.leaf_hash(LEAF), X)),
        (1, 2, [X + b"x"], tree.node_hash(X + b"x", tree.leaf_hash(LEAF))),
    ],
    ids=["before the tree", "after the tree", "higher than the tree", "lower than the tree", "a node of 33 bytes"],
)
def test_a_root_that_was_made_for_a_wrong_path_proves_no_leaf(index, size, proof, root):
    assert tree.verify_inclusion(LEAF, index, size, proof, root) is False


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root", "proof"),
    [
        (-1, X, -1, X, []),
        (2, X, 1, X, []),
        (0, tree.EMPTY_ROOT, 2, X, [Y]),
        (2, X, 2, X, [Y]),
        (3, X, 4, X, []),
        (1, X, 4, tree.node_hash(X, Y), [Y]),
        (3, tree.node_hash(Y, tree.root_of(LEAVES[:3])), 4, tree.node_hash(Y, tree.root_of(LEAVES[:4])),
         [*tree.consistency_proof(LEAVES[:4], 3), Y]),
        (1, X, 2, tree.node_hash(X, Y + b"y"), [Y + b"y"]),
    ],
    ids=[
        "fewer than no leaves", "a tree that shrank", "a path from nothing", "a path to itself", "no path",
        "lower than the tree", "higher than the tree", "a node of 33 bytes",
    ],
)  # fmt: skip
def test_roots_that_were_made_for_a_wrong_path_continue_nothing(old, old_root, new, new_root, proof):
    assert tree.verify_consistency(old, old_root, new, new_root, proof) is False


@pytest.mark.parametrize(("height", "proved"), [(64, True), (65, False)])
def test_no_path_is_longer_than_64_nodes(height, proved):
    root = tree.leaf_hash(LEAF)
    for _ in range(height):
        root = tree.node_hash(root, X)
    assert tree.verify_inclusion(LEAF, 0, 2**height, [X] * height, root) is proved


@pytest.mark.parametrize("index", [-1, 8])
def test_no_path_leads_to_a_leaf_outside_the_tree(index):
    with pytest.raises(ValueError, match=f"leaf {index} is outside a tree of 8"):
        tree.inclusion_proof(LEAVES, index)


@pytest.mark.parametrize("old", [-1, 9])
def test_no_path_leads_from_a_tree_that_is_no_beginning_of_this_one(old):
    with pytest.raises(ValueError, match=f"a tree of {old} leaves cannot come before one of 8"):
        tree.consistency_proof(LEAVES, old)


@pytest.mark.parametrize("size", [3, -1])
def test_a_frontier_of_the_wrong_length_is_refused(size):
    with pytest.raises(ValueError, match=f"no frontier of a tree of {size} leaves"):
        tree.root(b"\x00" * 32, size)


@given(st.integers(0, 2**40))
def test_the_subtrees_of_a_frontier_cover_all_leaves_once(size):
    ranges = tree.subtree_ranges(size)
    assert [part.start for part in ranges] == [0, *(part.stop for part in ranges[:-1])][: len(ranges)]
    assert (ranges[-1].stop if ranges else 0) == size
    assert len(ranges) == size.bit_count()
