"""Printed forms: index notation to matrix notation and to text."""
