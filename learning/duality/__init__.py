"""Conjugate functions, and the duals of losses with penalties."""
