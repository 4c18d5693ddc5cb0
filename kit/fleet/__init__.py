"""Release a bundle to a fleet of boxes from the operator's desk: waves, take-back, locks, history."""
