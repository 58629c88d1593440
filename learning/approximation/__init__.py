"""Universal approximation: networks of one hidden layer written down for a given function and error."""
