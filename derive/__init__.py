"""The symbolic side of chainrule: notation, programs, calculus, derivations and verdicts."""
