"""Divergences and entropies of the members of a family of distributions, in closed form."""
