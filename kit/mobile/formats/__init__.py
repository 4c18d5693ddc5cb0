"""The files for phones, and the runtimes that open them."""
