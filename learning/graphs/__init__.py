"""Graphical models: factorisation, separation in directed graphs, exact posteriors."""
