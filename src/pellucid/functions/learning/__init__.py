"""What training adds to a network: losses, penalties, optimizers, schedules of the learning rate."""
