"""From tables to integers, with NumPy alone: what learners and served models share."""
