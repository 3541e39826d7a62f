"""The command line: one file per noun, a function per verb."""
