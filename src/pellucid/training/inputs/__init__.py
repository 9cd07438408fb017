"""What a training is given: examples, targets, weights, checked and by name."""
