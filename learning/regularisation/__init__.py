"""Regularisation: what ridge and lasso do to the coefficients, and their paths over the strength of the penalty."""
