"""The fleet file: which boxes there are, and how a roll-out goes through them."""
