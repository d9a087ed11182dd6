"""Process reward models: models of their own that judge solutions step by step."""
