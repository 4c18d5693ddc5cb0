"""From an export to a .mar that TorchServe loads (see making.py)."""
