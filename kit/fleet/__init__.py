"""Release a bundle to a fleet of boxes from the operator's workstation: waves, rollback, locks, history."""
