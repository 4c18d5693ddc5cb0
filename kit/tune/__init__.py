"""Finding the best settings for this machine by measuring a few of the possible ones (see tuning.py)."""
