"""The claims, one in each file; `registry.NAMES` lists them."""
