"""Running user code in another process and saying what was seen of it."""
