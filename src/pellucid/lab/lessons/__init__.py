"""Lessons: files that lead through a network in the lab, step by step, with a question here and there."""
