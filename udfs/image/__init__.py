"""Functions over images, one a file."""
