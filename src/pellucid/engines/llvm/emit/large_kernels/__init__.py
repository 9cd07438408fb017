"""Products with a kernel that is larger than a core's cache: all shards read it once, packed some columns at a time."""
