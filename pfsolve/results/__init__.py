"""What a run over a file of problems leaves behind: result lines, run records, summaries."""
