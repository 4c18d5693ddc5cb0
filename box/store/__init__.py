"""Releases and their runtimes on the disk: delivered, checked, kept, removed."""
