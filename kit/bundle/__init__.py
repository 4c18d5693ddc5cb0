"""From an archive to one signed file with everything that a bare box needs to serve it (see making.py)."""
