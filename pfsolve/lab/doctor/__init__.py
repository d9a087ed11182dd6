"""Whether all that a solve needs is as it should be here, and what to do where it is not."""
