"""Running it: settings, the composition root, the engine's loop and the other processes."""
