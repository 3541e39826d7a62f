"""What fitted transformers do to cells, as data: learned or read from a file, they turn cells by the same code."""

from __future__ import annotations

from expunge.learners.served.turns.base import Kinds, Turn, columns_of, picked, tidied
from expunge.learners.served.turns.beside import DEEPEST, TURNS, Beside, arrays_of, depth_of, facts_of, turns_from
from expunge.learners.served.turns.encoded import Encode, Project
from expunge.learners.served.turns.numbers import Cut, Scale
from expunge.learners.served.turns.words import Fill, Place, Places

__all__ = [
    "DEEPEST",
    "TURNS",
    "Beside",
    "Cut",
    "Encode",
    "Fill",
    "Kinds",
    "Place",
    "Places",
    "Project",
    "Scale",
    "Turn",
    "arrays_of",
    "columns_of",
    "depth_of",
    "facts_of",
    "picked",
    "tidied",
    "turns_from",
]
