"""Checking a running server from outside, and leaving it as it was."""
