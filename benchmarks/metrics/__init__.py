"""What it costs to measure every request."""
