"""The link to a box: OpenSSH and rsync, and what they say."""
