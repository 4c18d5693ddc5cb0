"""Every classification network that torchvision builds, exported from a state dict."""
