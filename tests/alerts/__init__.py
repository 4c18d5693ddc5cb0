"""Each alert of config/monitoring caused for real, and a quiet time in which none fires."""
