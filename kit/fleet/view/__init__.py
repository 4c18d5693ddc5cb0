"""What people read of a fleet."""
