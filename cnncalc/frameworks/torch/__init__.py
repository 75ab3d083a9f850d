"""PyTorch: modules read, and source written."""
