"""Which candidate to measure next."""
