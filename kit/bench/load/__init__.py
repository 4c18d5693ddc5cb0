"""The load generator, and what it asks."""
