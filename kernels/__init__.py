"""The numeric side of chainrule: stable forms, loop nests and compiled kernels."""
