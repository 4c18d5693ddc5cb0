"""How many pods a load gets, and what its clients see, by the autoscaler's target: simulated from measured times."""
