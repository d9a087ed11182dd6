"""LaTeX mathematics as text that a terminal can show."""
