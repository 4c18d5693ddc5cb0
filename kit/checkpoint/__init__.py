"""From a file of weights to the weights of a network: what the file is (kinds.py), what it holds (reading.py), its
sets of weights (sets.py), and how their names fit the network's (names.py, choosing.py)."""
