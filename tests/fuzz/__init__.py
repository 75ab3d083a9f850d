"""Measurements against the frameworks themselves, run by hand where they are installed; README.md says how."""
