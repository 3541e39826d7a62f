"""Pages with tables and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from expunge.bench import pages, plots, tables

NAMES = ("summary", "targets", *tables.PARTS, *(f"plot {name}" for name in plots.PICTURES))
PAGE = "# Words\n" + "\n".join(f"<!-- bench: {name} -->\nold\n<!-- end -->\nbetween\n" for name in NAMES)


def test_a_page_is_filled_between_its_marks_and_again_the_same(results: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(PAGE)
    pages.fill(page, results, tmp_path / "docs" / "images")
    text = page.read_text()
    assert "old" not in text
    assert text.count("between") == len(NAMES)
    assert "](images/growth.svg)" in text
    assert "Measured 2026-11-28 by `expunge bench learners`, processor time; x86_64, 2 cores; numpy 2.4." in text
    assert pages.filled(text, results, "images") == text


def test_what_was_not_measured_reads_so() -> None:
    text = pages.filled(PAGE, {}, "images")
    assert text.count("Not measured yet.") == len(NAMES) - 1  # targets say so themselves
    assert ".svg" not in text


def test_a_mark_that_names_nothing_is_refused(results: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="nothing"):
        pages.filled("<!-- bench: nothing -->\n<!-- end -->", results, "images")
