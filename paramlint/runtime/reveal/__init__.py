"""From what was observed of a model to diagnostics, where no source was read: pure functions, one file for a family."""
