"""From steps to a page: which quantity is shown, in which notation, with which reason."""
