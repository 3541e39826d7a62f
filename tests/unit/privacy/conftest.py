"""An oracle that judges groups by the definitions, value by value."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from expunge.privacy import Diversity, Rules


class Oracle:
    """l and t by their definitions."""

    @staticmethod
    def diverse(values: Iterable[str], rules: Rules) -> bool:
        counts = sorted(Counter(values).values(), reverse=True)
        if rules.diversity is Diversity.DISTINCT:
            return len(counts) >= rules.l
        if rules.diversity is Diversity.ENTROPY:
            total = sum(counts)
            return -sum(one / total * math.log(one / total) for one in counts) >= math.log(rules.l) - 1e-9
        return counts[0] < rules.c * sum(counts[rules.l - 1 :])

    @staticmethod
    def distance(values: Sequence[str], everybody: Sequence[str], order: Sequence[str] | None) -> float:
        """The earth mover's distance, by its definition for the two ground distances."""
        names = sorted(set(everybody)) if order is None else list(order)
        p = [values.count(name) / len(values) for name in names]
        q = [everybody.count(name) / len(everybody) for name in names]
        if order is None:
            return sum(abs(one - other) for one, other in zip(p, q, strict=True)) / 2
        running, total = 0.0, 0.0
        for one, other in zip(p, q, strict=True):
            running += one - other
            total += abs(running)
        return total / max(len(names) - 1, 1)


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    return Oracle()
