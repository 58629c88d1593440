"""What is derived of a loss: link, population minimiser, convexity, derivatives, robustness."""
