"""A run as one self-contained page of HTML, in which no text of a run is code."""
