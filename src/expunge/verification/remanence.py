"""Remanence: are the bytes gone? Every store is opened through its own format and searched.

A search that finds nothing proves nothing unless it would have found something: a canary of its own is planted in every
store, the same pass that looks for the people must find it there, and it is then removed.

What is searched for: texts that stood in the erased rows and in no remaining one (names, free text, a category of their
own), and the subjects' ids. As runs of bytes they are looked for only where a hit means something: not those of fewer
than `SHORTEST` characters, not those that could be part of a time or a number in hex, not those that stand inside a
text of somebody who remains, and not the words of this software itself ("retired"): they are counted as *indistinct*.
All of them are looked for among decoded cells, where a text stands for itself. A whole number that stands where JSON
has a number, or in an array of LightGBM's model text (rows in a leaf, sets of categories), is taken for a count.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, text

from expunge.domain.report import Check, Verdict
from expunge.domain.subject import SubjectId
from expunge.errors import CorruptedError
from expunge.learners import state
from expunge.vault import blobs, codec, records, subjects
from expunge.vault.database import LOG_LEAF, METADATA
from expunge.vault.store import Vault
from expunge.verification.literals import Literals

SHORTEST: Final = 5
SHORTEST_IN_NOISE: Final = 8
"""The same in bytes that are no text: ciphertext holds every short run of bytes by chance."""
_WORD: Final = re.compile(rb"(?<![0-9A-Za-z])(?<!\d\.)-?[0-9a-f]{%d,}(?![0-9A-Za-z]|\.\d)" % SHORTEST)
"""A number or reference that is not part of a longer one, nor of a decimal."""
_COUNT: Final = re.compile(
    rb'(?:": ?|",\[|"(?:records|subjects|held_out_subjects|texts|stores|hits|indistinct)": ?")(-?\d+)(?=\s*[,}\]"])'
)
"""A number as the value of a name in JSON, at the head of an array's shape, or as a figure of a check."""
_ARRAY: Final = re.compile(
    rb"^((?:leaf|internal)_(?:count|weight|value)|cat_(?:boundaries|threshold)|threshold|split_gain|tree_sizes)"
    rb"=[-+.e\d ]+$",
    re.MULTILINE,
)
"""An array of numbers in LightGBM's model text: among thousands of them some equal somebody's number by chance."""
_BOOSTER: Final = b"tree\nversion="
"""How that text begins; in what does not hold one, a number of such a name is a trace like any other."""
_REACH: Final = 256
"""How far around a number it is told whether that is a count; blanks beyond make it none."""
_ACCIDENTAL: Final = re.compile(r"[0-9a-fA-FTZ\s:.,+_/-]*")
"""What may stand in a time, a decimal or a hexadecimal number: this software writes many of those."""
CANARY_FILE: Final = "canary.txt"
STORES: Final = ("database", "records", "sealed blobs", "files")
_BETWEEN: Final = b"\xff\xff\xff"
"""Stands between cells that are searched together: in no text, however it is spelled."""


@dataclass(frozen=True)
class Needles:
    """What must not be found.

    Parameters
    ----------
    subjects : frozenset of int or str
    texts : frozenset of str
    refs : frozenset of bytes
        The subjects' opaque references.
    kept : bytes
        What rightly stays: texts of those who remain, names of columns and models.
    """

    subjects: frozenset[SubjectId]
    texts: frozenset[str]
    refs: frozenset[bytes] = frozenset()
    kept: bytes = b""

    @cached_property
    def literals(self) -> tuple[bytes, ...]:
        """Texts and text ids that count wherever they stand, in every spelling that a store may use."""
        words = {*self.texts, *(one for one in self.subjects if isinstance(one, str))}
        telling = {word for word in words if len(word) >= SHORTEST and not _ACCIDENTAL.fullmatch(word)}
        found = Literals(word.encode() for word in telling)
        rightly = found.within(self.kept) | found.within(_own_words())
        spelled = {spelling for word in telling if word.encode() not in rightly for spelling in _spellings(word)}
        return tuple(sorted(spelled))

    @cached_property
    def words(self) -> frozenset[bytes]:
        """What counts only where it stands alone: whole-number ids, and references in hex."""
        found = {str(one) for one in self.subjects if isinstance(one, int)} | {ref.hex() for ref in self.refs}
        telling = frozenset(word.encode() for word in found if len(word) >= SHORTEST)
        # Reading the words of a text takes long; most needles stand in it nowhere, which is told at once.
        return telling.difference(_WORD.findall(self.kept)) if Literals(telling).within(self.kept) else telling

    @property
    def indistinct(self) -> int:
        """How many of the subjects and texts are looked for among decoded cells only."""
        distinct = self.words.union(self.literals)
        return sum(str(one).encode() not in distinct for one in self.subjects | self.texts)

    @cached_property
    def _together(self) -> Literals:
        return Literals(self.words.union(self.literals))

    def absent_from(self, content: bytes) -> bool:
        """Tell, at little cost, that none of them stands in these bytes in any way; False says nothing."""
        return not self._together.within(content)

    def found_in(self, content: bytes, least: int = SHORTEST) -> bool:
        """Tell whether one of them, of at least so many bytes, stands in these bytes."""
        there = {word for word in self._together.within(content) if len(word) >= least}
        if any(_stands_in(literal, content) for literal in there.intersection(self.literals)):
            return True
        return any(_stands_alone(word, content) for word in there & self.words)


@dataclass(frozen=True)
class Hit:
    """Something that should not be there, or a canary. Says where, never what: reports name nobody."""

    store: str
    place: str
    canary: bool = False


def remanence(vault: Vault, layouts: Mapping[str, codec.Layout], needles: Needles) -> Check:
    """Search every store for the needles, and for a canary in each that shows that the search sees.

    Parameters
    ----------
    vault : Vault
    layouts : mapping of dataset id to its records' layout
    needles : Needles
    """
    canaries = {store: f"canary-{secrets.token_hex(12)}" for store in STORES}
    with _planted(vault, layouts, canaries) as connection:
        found = search(vault, connection, layouts, needles, canaries)
    seen = {hit.store for hit in found if hit.canary}
    if blind := [store for store in STORES if store not in seen]:
        return Check("remanence", Verdict.FAILED, f"The search is blind: a canary in {', '.join(blind)} was not found.")
    with vault.transaction() as connection:
        # What was found is looked for again: without the canaries' rows every place is what the report calls it.
        hits = [] if len(found) == len(seen) else search(vault, connection, layouts, needles)
        hits += [Hit("records", fault) for fault in records.check_segments(vault, connection)]
    figures = {
        "stores": str(len(STORES)),
        "subjects": str(len(needles.subjects)),
        "texts": str(len(needles.texts)),
        "indistinct": str(needles.indistinct),
        "hits": str(len(hits)),
    }
    if hits:
        places = "; ".join(f"{hit.store}: {hit.place}" for hit in hits[:20])
        return Check("remanence", Verdict.FAILED, f"Traces of erased records were found: {places}.", figures)
    return Check(
        "remanence",
        Verdict.PASSED,
        f"A planted canary was found in each of {len(STORES)} stores ({', '.join(STORES)}) and removed; "
        "of the ids and texts of the erased records nothing was found in any of them. A whole number where JSON has a "
        "number, or in an array of a LightGBM model, was taken for a count."
        + (_about_the_indistinct(needles) if needles.indistinct else ""),
        figures,
    )


def _about_the_indistinct(needles: Needles) -> str:
    return (
        f" {needles.indistinct} of {len(needles.subjects | needles.texts)} ids and texts, being short, like a number, "
        "or part of what rows of others say, were looked for as whole cells only."
    )


def search(
    vault: Vault,
    connection: Connection,
    layouts: Mapping[str, codec.Layout],
    needles: Needles,
    canaries: Mapping[str, str] | None = None,
) -> list[Hit]:
    """Search stores, each through its own format and once; an empty list means that nothing was found.

    Parameters
    ----------
    canaries : mapping of store to text, optional
        What else to look for in a store; a hit says that it is one.
    """
    ways: dict[str, Callable[[Sequence[Needles]], Iterator[tuple[str, int]]]] = {
        "database": lambda sought: _in_database(connection, sought),
        "records": lambda sought: _in_records(vault, connection, layouts, sought),
        "sealed blobs": lambda sought: _in_blobs(vault, connection, sought),
        "files": lambda sought: _in_files(vault, sought),
    }
    hits = []
    for store, way in ways.items():
        canary = [_canary(canaries[store])] if canaries else []
        hits += [Hit(store, place, canary=bool(which)) for place, which in way([needles, *canary])]
    return hits


def _in_database(connection: Connection, sought: Sequence[Needles]) -> Iterator[tuple[str, int]]:
    for name, cells in _cells(connection):
        for which, needles in enumerate(sought):
            telling = _suspects(needles, sorted(set(cells)))
            hits = {content for content in telling if needles.found_in(content)} | needles.refs
            yield from ((f"{name}, row {number}", which) for number, content in enumerate(cells) if content in hits)


def _suspects(needles: Needles, cells: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the cells in which something may stand: halves of which nothing does are told apart at once."""
    if not cells or needles.absent_from(_BETWEEN.join(cells)):
        return
    if len(cells) == 1:
        yield cells[0]
        return
    middle = len(cells) // 2
    yield from _suspects(needles, cells[:middle])
    yield from _suspects(needles, cells[middle:])


def _cells(connection: Connection) -> Iterator[tuple[str, list[bytes]]]:
    """Yield every column that has text or bytes, with its cells as bytes; what is neither is empty."""
    for table in METADATA.sorted_tables:
        rows = connection.execute(table.select()).all()
        for column, values in zip(table.columns, zip(*rows, strict=True), strict=False):
            if set(map(type, values)) & {bytes, str}:
                content = {value: _as_bytes(value) for value in set(values)}
                yield f"{table.name}.{column.name}", [content[value] for value in values]
    declared = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")).scalars()
    yield "sqlite_master.sql", [sql.encode() for sql in declared]


def _as_bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) else b""


def _in_records(
    vault: Vault, connection: Connection, layouts: Mapping[str, codec.Layout], sought: Sequence[Needles]
) -> Iterator[tuple[str, int]]:
    for dataset, layout in layouts.items():
        rows = records.read(vault, connection, dataset, layout)
        for which, needles in enumerate(sought):
            if needles.subjects.intersection(rows.subjects):
                yield f"dataset {dataset}, subject column", which
            for name, cell in layout:
                if cell == "text" and needles.texts.intersection(rows.columns[name]):
                    yield f"dataset {dataset}, column {name!r}", which


def _in_blobs(vault: Vault, connection: Connection, sought: Sequence[Needles]) -> Iterator[tuple[str, int]]:
    for blob, kind, content in blobs.every(vault, connection):
        # The batch's own evidence holds the references of those who leave, and is destroyed when the batch is closed.
        if kind == "batch evidence":
            continue
        held = state.subjects_held(content) if kind == "training state" else ()
        told = _ARRAY.sub(rb"\1=", content) if _BOOSTER in content else content
        for which, needles in enumerate(sought):
            if needles.found_in(told) or needles.subjects.intersection(held):
                yield f"{kind} {blob}", which


def _in_files(vault: Vault, sought: Sequence[Needles]) -> Iterator[tuple[str, int]]:
    for path in _files(vault):
        content = path.read_bytes()
        least = SHORTEST if _is_text(content) else SHORTEST_IN_NOISE
        for which, needles in enumerate(sought):
            named = needles.found_in(path.name.encode())
            if named or needles.found_in(content, least):
                yield f"a file in {path.parent.name} named after somebody" if named else path.name, which


def _files(vault: Vault) -> list[Path]:
    return sorted(path for folder in (vault.folder, vault.keys) for path in folder.rglob("*") if path.is_file())


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _stands_in(literal: bytes, content: bytes) -> bool:
    """Tell whether it is there; a short one only where it stands alone, since base64 holds short words by chance."""
    if literal not in content:
        return False
    alone = rb"(?<![0-9A-Za-z+/])" + re.escape(literal) + rb"(?![0-9A-Za-z+/=])"
    return len(literal) >= SHORTEST_IN_NOISE or re.search(alone, content) is not None


def _stands_alone(word: bytes, content: bytes) -> bool:
    """Tell whether it is somewhere a word, as `_WORD` reads words, and no count."""
    at = content.find(word)
    while at >= 0:
        signed = at > 0 and content[at - 1 : at] == b"-"
        match = None if signed and _WORD.match(content, at - 1) else _WORD.match(content, at)
        if match is not None and match.group() == word:
            near = _COUNT.finditer(content, max(at - _REACH, 0), at + len(word) + _REACH)
            if not any(count.span(1) == match.span() for count in near):
                return True
        at = content.find(word, at + 1)
    return False


@cache
def _own_words() -> bytes:
    """Return the source of this software: what stands in it stands in every workspace."""
    folder = Path(str(resources.files("expunge")))
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".py", ".json", ".html", ".j2", ".cedar"})
    return b"\n".join(path.read_bytes() for path in paths)


def _spellings(word: str) -> set[bytes]:
    return {word.encode(), word.encode("utf-16-le"), json.dumps(word)[1:-1].encode()}


def _canary(text: str) -> Needles:
    return Needles(frozenset({text}), frozenset({text}))


@contextmanager
def _planted(vault: Vault, layouts: Mapping[str, codec.Layout], canaries: Mapping[str, str]) -> Iterator[Connection]:
    """Plant a canary in every store: in a transaction that is rolled back, and in a file that is unlinked."""
    connection = vault.engine.connect()
    try:
        for store, canary in canaries.items():
            _plant(vault, connection, layouts, store, canary)
        yield connection
    finally:
        connection.rollback()
        connection.close()
        (vault.folder / CANARY_FILE).unlink(missing_ok=True)
        with vault.transaction() as after:
            blobs.collect(vault, after)
            records.collect(vault, after)


def _plant(vault: Vault, connection: Connection, layouts: Mapping[str, codec.Layout], store: str, canary: str) -> None:
    if store == "database":
        connection.execute(LOG_LEAF.insert().values(idx=2**62, entry=canary.encode()))
    elif store == "records":
        dataset = _any(layouts)
        row: dict[str, Any] = {
            name: np.array([canary], dtype=object) if cell == "text" else np.zeros(1) for name, cell in layouts[dataset]
        }
        refs, keys = subjects.enrol(vault, connection, dataset, [canary])
        records.write(vault, connection, (dataset, 0), layouts[dataset], codec.Rows([canary], row), refs, keys)
    elif store == "files":
        (vault.folder / CANARY_FILE).write_bytes(b"\0" + canary.encode() + b"\0")
    else:
        blobs.put(vault, connection, "canary", canary.encode())


def _any(layouts: Mapping[str, codec.Layout]) -> str:
    if not layouts:
        raise CorruptedError("the workspace has no dataset to search.", mend="Import one before erasing.")
    return next(iter(layouts))
