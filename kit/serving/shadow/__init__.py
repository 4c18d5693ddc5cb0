"""A candidate beside what is served: a share of the pictures is asked of both, and what they answer is compared."""
