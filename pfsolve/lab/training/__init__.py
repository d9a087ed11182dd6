"""`pfsolve reward train`: from solutions, judged by people or by their outcome, to a probe's head."""
