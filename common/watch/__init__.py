"""What a served model does over time: seen every few seconds, told to Prometheus, recorded by the minute."""
