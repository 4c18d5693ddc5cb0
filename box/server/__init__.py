"""The running server: TorchServe under a supervisor, as a service."""
