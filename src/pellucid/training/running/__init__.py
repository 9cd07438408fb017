"""A training while it runs: the loop, its state, its history, its progress, and what stops it."""
