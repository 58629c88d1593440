"""Tables of functions, reductions, losses: one entry, one place."""
