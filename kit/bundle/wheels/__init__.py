"""The wheels that a box's runtime is made of."""
