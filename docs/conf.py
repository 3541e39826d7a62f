"""The documentation site: `make docs`. Pages are Markdown (MyST); the reference is read from the docstrings."""

from importlib import metadata

project = "Expunge"
author = "The Expunge developers"
copyright = f"2026, {author}"  # Sphinx's own name
version = release = metadata.version("expunge")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links to files outside the site; a test follows every one of them
exclude_patterns = ["_build"]
nitpicky = False
napoleon_google_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_mock_imports = ["torch"]  # the site is built without it

html_theme = "furo"
html_title = "Expunge"
html_static_path: list[str] = []
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
