"""Results in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from expunge.bench import results as files

NUMBERS = st.floats(allow_nan=False) | st.integers()
VALUES = NUMBERS | st.text() | st.lists(NUMBERS) | st.lists(st.text()) | st.dictionaries(st.text(), st.lists(NUMBERS))


@example({"text": "[ 1, 2 ]", "numbers": [1, 2.5, -3e-07]})
@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_spelling_changes_no_value(result: dict[str, Any]) -> None:
    assert json.loads(files.spelled(result)) == result


def test_what_was_written_is_read_and_nothing_else(results: dict[str, Any], tmp_path: Path) -> None:
    for part in ("growth", "accuracy"):
        files.write(tmp_path / "out", part, results[part])
    (tmp_path / "out" / "other.json").write_text("{}")
    assert files.read(tmp_path / "out") == {part: results[part] for part in ("accuracy", "growth")}
    assert files.read(tmp_path / "nothing") == {}
