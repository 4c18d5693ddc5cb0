"""A roll-out: waves, locks, journal, history."""
