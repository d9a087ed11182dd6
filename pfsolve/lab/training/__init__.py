"""`pfsolve reward train`: from solutions, labelled by people or by their outcome, to a probe's head."""
