"""From an architecture and its weights to a checked TorchScript file (see export.py)."""
