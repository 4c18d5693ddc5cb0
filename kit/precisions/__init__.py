"""Compares the precisions of one model on this machine (see comparing.py)."""
