"""What a solve leaves behind: result lines in files, run records, and what they add up to."""
