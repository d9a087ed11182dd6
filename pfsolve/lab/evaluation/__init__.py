"""How good is a reward? Measured on labelled solutions and on saved rollouts.

* labelled: reads the rows.
* scoring: has every solution read, and goes on where an earlier run stopped.
* metrics, threshold, votes, intervals: the mathematics, on plain arrays.
* evaluate: all of it as one report.

Nothing here loads a model: whoever evaluates hands in the function that scores a solution.
"""
