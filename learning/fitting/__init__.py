"""Fitting: the unknowns of a formula found by following its derived gradient downhill."""
