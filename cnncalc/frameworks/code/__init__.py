"""Networks in Python source and in the print-outs of modules: read, never executed."""
