"""Experiments that ship: their recipes, configurations and the makers of their data."""
