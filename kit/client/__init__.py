"""A running server asked over its APIs, by whoever is given its address."""
