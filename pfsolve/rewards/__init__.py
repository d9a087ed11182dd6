"""Rewards: from a prefix of a solution to the log-odds of its score."""
