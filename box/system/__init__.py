"""The machine under it: disks, space, mounts, platform."""
