"""The operations of neural networks, each stated once, as a formula. The room imports formula/ only."""
