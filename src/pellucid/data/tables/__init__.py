"""Tables: how cells are read, which columns become features, and how a later table is read like the first."""
