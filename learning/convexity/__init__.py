"""Convexity: verdicts with proofs or witnesses."""
