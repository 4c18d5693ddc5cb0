"""What is measured beside the product, with a make target each."""
