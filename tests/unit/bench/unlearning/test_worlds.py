"""Who is in which model."""

from __future__ import annotations

import numpy as np

from expunge.bench.unlearning.worlds import judged_worlds, shadow_worlds


def test_each_world_forgets_a_half_and_each_candidate_is_forgotten_in_half_of_the_shadows() -> None:
    shadows, judged = shadow_worlds(6, 50), judged_worlds(3, 50)
    assert (np.array([world.members for world in shadows]).sum(axis=0) == 3).all()
    assert [int(world.members.sum()) for world in judged] == [25, 25, 25]
    assert len({world.seed for world in (*shadows, *judged)}) == 9
