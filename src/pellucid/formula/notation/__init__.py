"""The reading of a formula as notation: Unicode text, LaTeX, JSON."""
