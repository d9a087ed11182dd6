"""Process reward models: models of their own that score solutions step by step."""
