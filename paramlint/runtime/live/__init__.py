"""Watching and examining models in the process in which they live, without changing them."""
