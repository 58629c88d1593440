"""Conditions of optimality under constraints, their closed solutions, and their certificates."""
