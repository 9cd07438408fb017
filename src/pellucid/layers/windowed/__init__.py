"""Layers whose window moves over a sequence, an image or a volume."""
