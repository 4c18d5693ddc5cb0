"""What a search came to, and why."""
