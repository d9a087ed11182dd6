"""The run time: where text, model, reward and search meet."""
