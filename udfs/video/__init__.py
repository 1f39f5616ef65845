"""Functions over videos, one a file."""
