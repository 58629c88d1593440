"""Where gradients vanish: equations taken apart, and their solutions in closed form."""
