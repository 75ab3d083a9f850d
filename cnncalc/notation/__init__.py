"""Networks as text: layer words and JSON, read and written, and the places of things in the text."""
