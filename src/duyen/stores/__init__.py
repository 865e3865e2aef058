"""Where things are kept: operational state, the lake, its queries, snapshots of models."""
