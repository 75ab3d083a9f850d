"""Real shells in a pseudo-terminal, with typed input."""
