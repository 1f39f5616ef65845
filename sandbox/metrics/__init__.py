"""Measures of generated images and videos: the formulas, and the child process that applies them to files."""
