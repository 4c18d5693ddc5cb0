"""A run's figures as tables, plots and a page."""
