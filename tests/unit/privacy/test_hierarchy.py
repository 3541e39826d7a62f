"""Hierarchies: subtrees' leaves side by side, whatever the lines' order and lengths."""

from __future__ import annotations

import pytest

from expunge.errors import InputError
from expunge.privacy.hierarchy import Hierarchy, read_hierarchy


def test_leaves_of_a_subtree_stand_side_by_side() -> None:
    found = Hierarchy([["a", "x"], ["b", "y"], ["c", "x"], ["d"]])
    for level in range(len(found.levels)):
        nodes = found.levels[level].tolist()
        assert nodes == sorted(nodes)
    assert set(found.labels(len(found.levels) - 1)) == {"*"}


def test_a_label_under_two_parents_is_refused_for_it_would_be_published_of_both() -> None:
    with pytest.raises(InputError, match="'other' stands under north and under south"):
        Hierarchy([["a", "other", "north"], ["b", "other", "south"]])
    Hierarchy([["a", "a", "north"], ["b", "north"]])


def test_a_file_is_read_and_its_top_may_be_written() -> None:
    assert read_hierarchy("a, x, *\nb, x\n\n").leaves == ("a", "b")


@pytest.mark.parametrize("text", ["", "a,x\na,y\n"])
def test_what_is_no_hierarchy_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_hierarchy(text)
    with pytest.raises(InputError, match="empty label"):
        Hierarchy([["a", " "]])


def test_a_missing_leaf_belongs_to_the_top() -> None:
    found = Hierarchy([["a", "x"], ["b", "x"]]).with_leaf("missing")
    assert found.with_leaf("missing") is found
    assert found.labels(1)[found.leaves.index("missing")] == "missing"
