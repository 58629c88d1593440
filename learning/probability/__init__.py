"""Probability: what follows from the table of distributions, or from a distribution that a user writes."""
