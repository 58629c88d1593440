"""Normal forms: polynomials over atoms, the data and arithmetic of proofs of equality."""
