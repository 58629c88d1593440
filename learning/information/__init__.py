"""Information: identities and inequalities of entropies and divergences, and what they are used for."""
