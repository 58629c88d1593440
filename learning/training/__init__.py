"""Training on mini-batches, calibration of probabilities, and a network on real data from end to end."""
