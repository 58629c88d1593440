"""Variational inference: evidence lower bounds, their gradients, mean-field updates."""
