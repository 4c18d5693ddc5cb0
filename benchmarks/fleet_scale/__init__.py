"""How a roll-out behaves at 1,000 and 10,000 boxes: the wave engine on a virtual clock (make fleet-scale)."""
