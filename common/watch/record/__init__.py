"""The record of a server: its minutes, packed into one bounded file that a power cut leaves readable."""
