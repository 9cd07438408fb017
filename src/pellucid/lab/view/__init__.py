"""What can be seen of a network at a moment of its training."""
