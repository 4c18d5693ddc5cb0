"""What the user brings: network, weights, labels, preprocessing."""
