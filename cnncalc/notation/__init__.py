"""Text to network and back: layer words, JSON, JSON Lines; and where in the text a thing stands."""
