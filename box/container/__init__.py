"""A release in a container image: laid out with nothing running, run by the container's first process, asked whether it
answers."""
