"""`python -m pfsolve`."""

from pfsolve.cli import main

main()
