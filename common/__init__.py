"""What the kit and the program on a box share: Python's standard library only. `kit/bundle` packs it into box.pyz."""
