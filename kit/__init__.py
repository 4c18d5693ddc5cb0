"""The library behind scripts/: from a trained vision model to one that answers requests."""

__version__ = "0.2.0"
