"""Pictures: the computation graph of a formula, its curve, and its level lines."""
