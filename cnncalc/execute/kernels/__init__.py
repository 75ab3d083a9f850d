"""The functions that compute each op on arrays: one file a family, as in `layers`."""
