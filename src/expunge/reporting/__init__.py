"""The report that a privacy officer attaches to a reply, made from a verified certificate alone."""
