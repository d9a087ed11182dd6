"""Shows events and records; never touches the engine."""
