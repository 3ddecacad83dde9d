"""paramlint: a linter for PyTorch that tells the truth about what a model has registered."""

__version__ = "0.1.0"
