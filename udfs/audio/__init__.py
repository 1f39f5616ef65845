"""Functions over sounds, one a file."""
