"""The command `cnncalc`, also as `python -m cnncalc`: it can be interrupted before the rest of it is imported."""

from .signals import heed


def main() -> None:
    """Run the command line."""
    heed()
    from .cli import main

    main()


if __name__ == "__main__":
    main()
