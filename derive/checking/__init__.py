"""Points to check at, comparisons in many digits, claims and verdicts."""
