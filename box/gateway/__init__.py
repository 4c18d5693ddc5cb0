"""nginx in front of the box's TorchServe: its files, its process, its certificate, and the proof that it answers."""
