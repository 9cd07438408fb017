"""Figures of plain data; matplotlib is imported when one is asked for."""
