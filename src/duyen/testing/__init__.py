"""For tests of the house and of its guests: stories, and the checks that every part of a kind must pass."""
