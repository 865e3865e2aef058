"""The nouns. Immutable values that every room exchanges; this package imports nothing of ours."""
