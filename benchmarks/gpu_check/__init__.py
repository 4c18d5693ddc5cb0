"""What a GPU does with the embedded model: alone, as a pipeline, served, and beside stock TorchServe."""
