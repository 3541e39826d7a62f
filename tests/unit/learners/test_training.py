"""Training is seeded for itself alone, and puts back what it pinned."""

from __future__ import annotations

import pytest
import torch

from expunge.learners.training import Batches, pinned


def test_what_was_set_is_put_back_even_after_an_error() -> None:
    torch.manual_seed(1)
    drawn, threads = torch.get_rng_state(), torch.get_num_threads()

    def broken() -> None:
        with pinned(4):
            torch.rand(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert torch.equal(drawn, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_batches_hold_every_row_once_in_a_new_order_each_time() -> None:
    batches = Batches(torch.arange(20.0)[:, None], torch.arange(20), 6)
    first, second = (torch.cat([targets for _, targets in batches]).tolist() for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert len(batches) == len(list(batches)) == 4
