"""`pfsolve bench`: methods compared on problems with answers, at equal particles and equal tokens."""
