"""What a box remembers: where its files are, its settings, histories and locks."""
