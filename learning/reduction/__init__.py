"""Fewer dimensions: principal components and t-SNE, derived, computed on data, drawn."""
