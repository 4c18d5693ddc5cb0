"""What servers did over time: read from their records, worked out, drawn."""
