"""Boosting in stages: some trees at a time, whose splits are chosen by the gradients at the stage's beginning.

`expunge._kernels.staging` says what is computed, and why forgetting ends where learning afresh does. A stage sees bins
in a few groups: those between its own cuts, which are the edges of smallest hash. So few splits are nearly as good as
the best, and a bin that merges changes nothing unless the edge that goes is a cut.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge._kernels import drawing, forests, relabelling, staging, tables, trees, walking
from expunge._kernels.pushing import empty_front
from expunge._kernels.siphash import Words as Keys
from expunge._kernels.siphash import hash_each
from expunge._kernels.tables import BINS, MOST_CELLS
from expunge._kernels.trees import Room, Shape, Trees
from expunge.learners.encoding.adaptive import Binning
from expunge.learners.exact.grown import Grown
from expunge.learners.exact.grown import Rows as Numbers
from expunge.learners.exact.losses import Labels
from expunge.learners.exact.rules import rules_of
from expunge.learners.exact.threads import FEW, in_threads, workers

Bytes = npt.NDArray[np.uint8]

GROUPS: Final = 32
"""A stage sees so many groups of a column's bins."""
BLIND: Final = 2
"""So many levels of a tree are drawn."""
LOOKED_AT: Final = 16
"""A node looks at a third of the columns, but at so many at least."""
MIN_LEAF: Final = 20
"""Fewest rows in a leaf that the data chose."""
MANY: Final = 8
"""Where one row in so many has another number before a stage, its trees are grown afresh."""
REACH: Final = 4
"""Gradients of numbers tell up to so many units."""
_PATHS, _CUTS = 2, 4
"""What is hashed: where a tree's paths begin, and which edges are a stage's cuts."""


class View(NamedTuple):
    """Bins as a stage sees them.

    Parameters
    ----------
    maps : ndarray of uint8 (n_features, 256)
        The group of each bin; they rise.
    sizes : ndarray of int64 (n_features,)
        How many groups there are.
    rows : ndarray of uint8 (n_rows, n_features)
    """

    maps: Bytes
    sizes: npt.NDArray[np.int64]
    rows: Bytes


def view_of(binning: Binning, columns: Bytes, key: Keys, first: int) -> View:
    """Group the bins of a stage that begins with a round."""
    maps, sizes = np.zeros((len(columns), BINS), np.uint8), np.empty(len(columns), np.int64)
    for f, (bins, missing) in enumerate(zip(binning.bins.tolist(), binning.missing.tolist(), strict=True)):
        about = np.array([_CUTS, first, f], np.uint64)
        cuts = np.argsort(hash_each(key, about, binning.names[f, : max(bins - 1, 0)]), kind="stable")[: GROUPS - 1]
        maps[f, cuts + 1] = 1
        groups = min(bins, len(cuts) + 1)
        maps[f] = np.cumsum(maps[f])
        maps[f, bins:], sizes[f] = groups, groups + missing
    rows = np.stack([own[bins] for own, bins in zip(maps, columns, strict=True)], axis=1)
    return View(maps, sizes, np.ascontiguousarray(rows))


def _alike(one: View, other: View) -> bool:
    """Tell whether two views see the same, whatever the bins behind it are."""
    return np.array_equal(one.sizes, other.sizes) and np.array_equal(one.rows, other.rows)


class Written(NamedTuple):
    """Trees written down, as `walking.flat` returns them."""

    nodes: npt.NDArray[np.int32]
    classes: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]


class Stage:
    """The trees of a stage, and the numbers that they are grown from.

    Parameters
    ----------
    view : View
    y, weight : ndarray of uint8 (n_rows,)
        Numbers, and what each row counts; trees see who counts.
    n_trees : int
    first : int
        The stage's first round.
    key : ndarray of uint64 (2,)
    least : int
        The least size of a leaf that the data chose.
    max_depth : int
    n_workers : int
    """

    def __init__(
        self,
        view: View,
        y: Bytes,
        weight: Bytes,
        n_trees: int,
        first: int,
        key: Keys,
        least: int,
        max_depth: int,
        n_workers: int,
    ) -> None:
        self.view, self.y, self.first, self._workers = view, y, first, n_workers
        n_features = len(view.sizes)
        looked_at, blind = max(LOOKED_AT, -(-n_features // 3)), min(BLIND, max_depth - 1)
        self._shape = Shape(key, view.sizes, looked_at, least, max_depth, trees.WHOLE, blind)
        n_seen, heaviest = int(np.count_nonzero(weight)), int(weight.sum(dtype=np.int64))
        drawn = least << blind  # room for leaves that are drawn, whoever is there
        self.trees = trees.empty_trees(n_trees, n_seen + drawn, 2, self._shape, heaviest + drawn)
        self._rooms = [
            (trees.room(n_seen, n_features, 2), np.zeros(self.trees.feature.shape[1] + 2, np.int32))
            for _ in trees.parts_of(self.trees, n_workers)
        ]
        paths = hash_each(key, np.full(1, _PATHS, np.uint64), np.arange(first, first + n_trees, dtype=np.uint64))
        draws = drawing.everybody(len(y), paths)
        works = [
            partial(forests.grow_forest, view.rows, y, weight, draws.of_trees(which), own, self._shape, space)
            for which, own, space, _ in self._parts
        ]
        in_threads(n_workers, works)
        self.trees.fresh[:] = 0

    @property
    def _parts(self) -> list[tuple[slice, Trees, Room, Numbers]]:
        """Which trees each thread has, these trees, and room to work in: views, made when they are used (`forest`)."""
        each = zip(trees.parts_of(self.trees, self._workers), self._rooms, strict=True)
        return [(which, own, *room) for (which, own), room in each]

    def change(self, weight: Bytes, leaving: Numbers, moved: Numbers, was: Bytes) -> tuple[Bytes, int, int]:
        """Take rows away, and relabel others; returns in which trees a node splits otherwise, and the work."""
        mended = np.zeros(len(self.trees.feature), np.uint8)
        works = [
            partial(
                relabelling.change_trees,
                *(self.view.rows, self.y, weight, own, leaving, moved, was, self._shape, space, waiting),
                mended[which],
            )
            for which, own, space, waiting in self._parts
        ]
        done = in_threads(self._workers if len(leaving) + len(moved) > FEW else 1, works)
        for space, waiting in self._rooms:  # what was worked with may name who left
            for own in (*space, waiting):
                own[:] = 0
        return mended, sum(looked for looked, _ in done), sum(nodes for _, nodes in done)


class Stages:
    """Chains of stages, a chain for each score: what `series.Series` is for tables.

    Parameters
    ----------
    grown : Grown
        Bins, rows and target.
    weight : ndarray of uint8 (n_rows,)
        What each row counts; who counts nought gets scores all the same.
    key : ndarray of uint64 (2,)
    dials : Boosting
        How it is learned.
    """

    def __init__(self, grown: Grown, weight: Bytes, key: Keys, dials: Any) -> None:
        self._weight, self._key, self._dials = weight, key, dials
        rounds, stages = int(dials.n_estimators), int(dials.n_stages)
        ends = np.linspace(0, rounds, stages + 1).astype(int).tolist()
        self._spans = [(begin, end) for begin, end in pairwise(ends) if begin < end]
        self._plan = staging.leaf_plan(rounds)
        self._workers = workers(dials.n_jobs)
        self._views: list[View] = []
        self.grow(grown)

    def grow(self, grown: Grown, gone: npt.NDArray[np.bool_] | None = None) -> None:
        """Learn from all rows, from the first stage on that sees other groups now; nothing is noted of who is gone."""
        views = [view_of(grown.binning, grown.columns, self._key, first) for first, _ in self._spans]
        begin = 0
        if self._views:
            alike = [_alike(*pair) for pair in zip(views, self._views, strict=True)]
            begin = alike.index(False) if False in alike else len(alike)
        else:
            self.rules = rules_of(grown.target, self._key, self._dials)
            self.chains = [tables.empty_chain(self._plan, len(self._weight)) for _ in self.rules]
            self.stages: list[list[Stage]] = [[] for _ in self.rules]
            for chain, rule in zip(self.chains, self.rules, strict=True):
                chain.scores[0] = rule.start
        self._views[begin:] = views[begin:]
        for old, new in zip(self._views, views, strict=True):
            old.maps[:] = new.maps
        if begin < len(views):
            for c in range(len(self.chains)):
                self._grow_from(grown, c, begin, self._weight)
        if gone is not None:
            self._blank(np.flatnonzero(gone))

    def _grow_from(self, grown: Grown, c: int, begin: int, weight: Bytes) -> None:
        """Learn a chain's stages from one on; the scores before it are known."""
        chain, rule, pull = self.chains[c], self.rules[c], grown.target.pulls[c]
        del self.stages[c][begin:]
        for (first, end), view in zip(self._spans[begin:], self._views[begin:], strict=True):
            y = np.empty(len(pull), np.uint8)
            if first == 0 and isinstance(grown.target, Labels):
                y[:] = np.where(pull > 0, 0, trees.WHOLE)  # two gradients: as far apart as can be
            else:
                staging.find_levels(pull, first, _reach(grown), rule, chain, y)
            least, depth = MIN_LEAF * grown.weights.one, int(self._dials.max_depth)
            stage = Stage(view, y, weight, end - first, first, self._key, least, depth, self._workers)
            self.stages[c].append(stage)
            for own in (chain.sums, chain.values):
                own[first:end] = 0
            staging.grow_stage(view.rows, pull, weight, stage.trees, first, rule, chain)

    def leave(self, grown: Grown, alive: Bytes, rows: Numbers) -> dict[str, int]:
        """Take rows away that `alive` has no more, but `grown` still has; returns the work."""
        done = sum(self._leave(grown, c, alive, rows) for c in range(len(self.chains)))
        self._weight[rows] = 0
        self._blank(rows)
        names = ("rows_looked_at", "nodes_mended", "rows_relabelled", "rows_pushed", "values_moved")
        return dict(zip(names, np.asarray(done).tolist(), strict=True))

    def _leave(self, grown: Grown, c: int, alive: Bytes, rows: Numbers) -> npt.NDArray[np.int64]:
        chain, rule, pull = self.chains[c], self.rules[c], grown.target.pulls[c]
        n = len(pull)
        front = empty_front(n, np.zeros((2, MOST_CELLS), np.uint8))
        moved, was = np.empty(n + 1, np.int32), np.empty(n + 1, np.uint8)
        stay, work = self._weight * alive, np.zeros(5, np.int64)
        n_dirty = n_moved = 0
        for number, stage in enumerate(self.stages[c]):
            if number > 0:
                others = front.rows[:n_dirty]
                n_moved = staging.find_relabelled(
                    pull, stay, stage.first, _reach(grown), rule, chain, others, stage.y, moved, was
                )
            if n_moved > n // MANY:
                self._grow_from(grown, c, number, stay)
                work += (n * (len(self._plan.arity) - stage.first), 0, n_moved, 0, 0)
                return work
            mended, looked, nodes = stage.change(self._weight, rows, moved[:n_moved], was[:n_moved])
            n_dirty, pushed, values = staging.forget_stage(
                *(stage.view.rows, pull, self._weight, alive, rows, stage.trees, mended, stage.first),
                *(rule, chain, front, n_dirty),
            )
            work += (looked, nodes, n_moved, pushed, values)
        return work

    def _blank(self, rows: npt.NDArray[np.integer[Any]]) -> None:
        """Note nothing more of rows that left."""
        for view in self._views:
            view.rows[rows] = 0
        for chain, stages in zip(self.chains, self.stages, strict=True):
            chain.scores[:, rows], chain.cell[:, rows] = 0, 0
            for stage in stages:
                stage.y[rows] = 0

    def written(self, c: int) -> Written:
        """Write a chain's trees down, asking for bins as all see them."""
        parts = [walking.flat(stage.trees) for stage in self.stages[c]]
        for (nodes, *_), view in zip(parts, self._views, strict=True):
            for f in np.unique(nodes[nodes[:, 0] >= 0, 0]):  # a group's last bin
                own = nodes[:, 0] == f
                nodes[own, 1] = np.searchsorted(view.maps[f], nodes[own, 1], "right") - 1
        ends = np.cumsum([0, *(len(nodes) for nodes, *_ in parts)])
        nodes, classes = (np.concatenate([part[place] for part in parts]) for place in range(2))
        starts = np.concatenate([part[2] + end for part, end in zip(parts, ends, strict=False)])
        return Written(nodes, classes, starts)

    def served(self) -> dict[str, npt.NDArray[Any]]:
        """Return what predicts, as `StagedModel` has it."""
        written, starts, values = [self.written(c) for c in range(len(self.chains))], [], []
        before = 0
        for own, chain in zip(written, self.chains, strict=True):
            tree = np.searchsorted(own.starts, np.arange(len(own.nodes)), "right") - 1
            told = chain.values[tree, staging.cells_of(own.nodes, own.starts)]
            values.append(np.where(own.nodes[:, 0] < 0, told, 0))
            starts.append(own.starts + before)
            before += len(own.nodes)
        return {
            "nodes": np.concatenate([own.nodes for own in written]),
            "values": np.concatenate(values),
            "tree_starts": np.stack(starts),
            "starts": np.array([rule.start for rule in self.rules]),
        }

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What was learned: all trees, written down, and all sums of gradients."""
        found: dict[str, npt.NDArray[Any]] = {}
        for c, chain in enumerate(self.chains):
            own = self.written(c)
            found |= {f"nodes {c}": own.nodes, f"classes {c}": own.classes, f"sums {c}": chain.sums}
        return found

    @property
    def gains(self) -> npt.NDArray[np.float64]:
        """How much nearer each column's splits brought gradients to each other, over all trees: (n_features,)."""
        found = np.zeros(len(self._views[0].sizes))
        for c in range(len(self.chains)):
            nodes, classes, _ = self.written(c)
            whole = classes.astype(np.float64)
            purity = (whole**2).sum(axis=1) / np.maximum(whole.sum(axis=1), 1)
            inner = np.flatnonzero(nodes[:, 0] >= 0)
            gained = purity[inner + 1] + purity[inner + nodes[inner, 2]] - purity[inner]
            found += np.bincount(nodes[inner, 0], gained, minlength=len(found))
        return found


def _reach(grown: Grown) -> int:
    """Return the largest gradient that a number tells."""
    return grown.target.loss.gradient * (1 if isinstance(grown.target, Labels) else REACH)
