"""A release taken into service on trial, and what comes of it."""
