"""Measurements: each figure beside a baseline taken in the same run, because machines are noisy."""
