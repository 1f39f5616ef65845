"""Search over the thresholds of a recipe, or over the settings of whole pipelines."""
