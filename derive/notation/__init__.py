"""The notation: text to syntax tree to program, and back to text."""
