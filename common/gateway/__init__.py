"""The nginx in front of TorchServe: its keys, and its configuration."""
