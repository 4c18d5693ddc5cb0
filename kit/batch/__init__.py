"""Many pictures from the desk: a folder, a list or a glob, asked of a server, with a row for each."""
