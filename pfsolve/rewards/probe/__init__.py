"""A small head on the policy's own hidden states: a reward without a second model or a second pass."""
