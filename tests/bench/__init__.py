"""Measurements, run by hand: speed is measured here and never asserted in a test."""
