"""One candidate measured for real."""
