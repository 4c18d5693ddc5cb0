"""One box over ssh: what is asked of it, deploy and rollback."""
