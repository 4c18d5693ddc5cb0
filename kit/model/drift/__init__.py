"""What the validation pictures look like to a model, and how far traffic may be from that by chance."""
