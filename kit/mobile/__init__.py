"""Turns a checkpoint into files for phones, each checked by its own runtime (see making.py)."""
