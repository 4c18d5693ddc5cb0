"""Starting, watching, draining and asking a TorchServe."""
