"""Renderers: they format derivations and expressions and know no mathematics."""
