"""LaTeX to syntax trees: the formulas that papers print, by a closed grammar."""
