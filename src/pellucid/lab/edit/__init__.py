"""Networks changed in the page: what may be chosen, what was chosen, and the Python that says it."""
