"""The claims, one in each file; `known_claims.NAMES` lists them."""
