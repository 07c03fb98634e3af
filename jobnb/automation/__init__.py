"""What runs without being asked each time: backfills."""
