"""This program itself: how it is installed, finds itself whole, and starts itself again."""
