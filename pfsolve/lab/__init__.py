"""What no solve needs: measuring rewards, comparing methods, training a probe."""
