"""Duyên: one-to-one marketing on one event log, one profile and one decision point."""

__version__ = "0.1.0"
