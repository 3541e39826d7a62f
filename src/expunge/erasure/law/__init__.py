"""Clocks, grounds, packs and letters, as data that counsel can review: one JSON file per law and per pack."""
