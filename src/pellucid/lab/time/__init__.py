"""Training that goes back in time: its steps, branches and kept states."""
