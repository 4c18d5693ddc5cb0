"""What TorchServe's Java costs a request: this kit's handler behind it, behind mosec's Rust, and behind nothing."""
