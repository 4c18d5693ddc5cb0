"""After a wave: do boxes with the new release do as well as those on the old one?"""
