"""Moves the cuts of a recipe: by the distribution of their stats, or by what a model says of each sample."""
