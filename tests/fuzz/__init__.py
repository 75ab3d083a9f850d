"""Comparisons with the frameworks themselves, run by hand where these are installed; README.md has the details."""
