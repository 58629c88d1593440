"""Critical points: where a gradient is zero, and whether that is a minimum, a maximum or a saddle point."""
