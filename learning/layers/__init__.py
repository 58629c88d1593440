"""Layers: dense networks in a short notation, their backpropagation, and matrix products entry by entry."""
