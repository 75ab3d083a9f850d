"""What computes each op on arrays: one file a family, as in `layers`."""
