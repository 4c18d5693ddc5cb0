"""Every call that torch has deprecated: the day they go, the files in this folder change and no other."""
