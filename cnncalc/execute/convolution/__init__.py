"""Cross-correlations and transposed ones: the ways to compute them, and the choice between these."""
