"""Tables of what has been measured, and a plot."""
