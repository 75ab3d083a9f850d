"""Keras's models: read from JSON and `.keras` files, and written as JSON."""
