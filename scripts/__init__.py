"""The commands: one file each, run as `python -m scripts.<name>` from the project's folder."""
