"""Connectors: foreign files and systems, read into the model's values. One file per foreign thing."""
