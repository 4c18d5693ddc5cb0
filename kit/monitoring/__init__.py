"""Prometheus and Alertmanager of this machine, for a server or a fleet."""
