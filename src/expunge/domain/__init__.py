"""The words of the project as frozen dataclasses: no input, no output, no numerical package."""
