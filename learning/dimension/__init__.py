"""Many dimensions: distances that are all alike, volumes that are near the surface, cells that are empty."""
