"""The operations of neural networks, each stated once, as a formula. The package imports formula/ alone.

`forward/` is what layers compute, `learning/` what training adds to that, `initialization/` how parameters begin.
"""
