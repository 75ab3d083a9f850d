"""Cross-correlations and transposed convolutions: the ways to compute them, and the choice among them."""
