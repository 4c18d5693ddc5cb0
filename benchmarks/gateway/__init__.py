"""What the gateway costs, and how it holds up under too much and too slow."""
