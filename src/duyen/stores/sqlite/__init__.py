"""The embedded log, state and attempts: SQLite files, nothing to start."""
