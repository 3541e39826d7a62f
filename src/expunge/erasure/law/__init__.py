"""Clocks and grounds, as data that counsel can review: one JSON file per law."""
