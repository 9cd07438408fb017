"""Sums and largest values as loops: in registers, of neighbours, in pieces that stay in a cache, scattered."""
