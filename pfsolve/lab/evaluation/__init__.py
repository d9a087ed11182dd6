"""How good is a reward? Measured on labelled solutions and on saved rollouts.

* labelled: reads the rows.
* scoring: has every solution scored, and resumes where an earlier run stopped.
* metrics, threshold, votes, intervals: the mathematics, on plain arrays.
* steps, curves, early_auc: all that steps, whole rollouts and their beginnings say.
* evaluate: all of it as one report.

Nothing here loads a model: the caller hands in the function that scores a solution.
"""
