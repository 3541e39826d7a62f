"""From request to certificate: the one place where data, keys and models meet.

The way through: `intake` (received, identified, planned), `decide` (approved, refused), `execute` (all the rest, one
step a file under `steps`). `law` holds the clocks and the grounds as data.
"""
