"""The precisions: which there are, int8, what a processor can do."""
