"""Times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from expunge.bench.timing import seconds, shown, spread, timed


def test_what_is_timed_is_called_once_and_answers() -> None:
    called: list[int] = []

    def work(n: int, *, more: int) -> int:
        called.append(n)
        return n + more

    found, spent = timed(work, 3, more=4)
    assert (found, called) == (7, [3])
    assert spent >= 0
    assert seconds(len, [1]) >= 0


@given(st.lists(st.floats(0, 100), min_size=1))
def test_a_spread_lies_between_the_shortest_and_the_longest(times: list[float]) -> None:
    found = spread(times)
    assert min(times) - 1e-9 <= found["median"] <= found["p99"] <= found["max"] + 1e-9 == max(times) + 1e-9
    assert min(times) - 1e-9 <= found["mean"] <= max(times) + 1e-9


def test_times_are_kept_to_a_tenth_of_a_microsecond() -> None:
    assert shown([0.12345678, 1.0]) == [0.1234568, 1.0]
