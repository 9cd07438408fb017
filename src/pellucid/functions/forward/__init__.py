"""What layers compute: products and sums, windows, recurrences, attention."""
