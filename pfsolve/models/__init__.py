"""From models.toml to model files on disk."""
