"""A running TorchServe: asked, watched, drained, judged."""
