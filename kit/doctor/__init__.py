"""What a machine has, and what that means for each profile (see findings.py)."""
