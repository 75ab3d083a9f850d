"""Real shells in a pseudo-terminal, with somebody typing."""
