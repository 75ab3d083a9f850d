"""The pages of the documentation: Markdown shipped beside this file, one file a topic."""

from __future__ import annotations

import os

TOPICS = (
    *("textbook", "words", "ops", "specs", "dialects", "arrays", "fields", "solve", "ci", "frameworks", "python"),
    *("performance", "pictures", "hints"),
)
"""Every page, in the order in which they are listed."""
_HERE = os.path.dirname(__file__)


def read(topic: str) -> str:
    """Return a page as Markdown."""
    with open(os.path.join(_HERE, f"{topic}.md"), encoding="utf-8") as file:
        return file.read()


def subject(topic: str) -> str:
    """Return what a page is about: its title, after the colon."""
    return read(topic).partition("\n")[0].partition(": ")[2]
