"""Python functions to programs: an ordinary NumPy function is run once on values that record what is done."""
