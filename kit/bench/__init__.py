"""Loading a server, and saying what it did."""
