"""Layers whose window moves over a sequence or an image."""
