"""The server watched: its record kept, its metrics told."""
