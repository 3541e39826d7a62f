"""One run of the benchmark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from expunge.bench import rivals, runs
from expunge.bench.results import PARTS
from expunge.bench.sizes import QUICK, Size


def test_there_is_a_measure_for_every_part() -> None:
    assert tuple(runs.MEASURES) == PARTS


def test_parts_are_measured_on_one_thread_and_written_as_they_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(size: Size) -> dict[str, object]:
        assert size is QUICK
        return {"threads": sorted({pool["num_threads"] for pool in threadpool_info()})}

    monkeypatch.setattr(rivals, "warm_up", lambda: None)
    monkeypatch.setitem(runs.MEASURES, "growth", measure)
    monkeypatch.setitem(runs.MEASURES, "serving", measure)
    for part, file in runs.run(["growth", "serving"], tmp_path, QUICK, "expunge bench learners --quick"):
        assert file == tmp_path / f"{part}.json"
        result = json.loads(file.read_text())
        assert result["found"] == {"threads": [1]}
        assert result["command"] == "expunge bench learners --quick"
        assert result["clock"] == "processor"
