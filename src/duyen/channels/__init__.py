"""The ways to reach people: one file per channel, and the decision what to do after each attempt."""
