"""The ways to compute a cross-correlation, and which one is taken."""
