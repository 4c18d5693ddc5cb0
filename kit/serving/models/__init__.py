"""The models of a server: planned, and changed while it runs."""
