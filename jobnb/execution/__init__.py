"""Execute plans, and record what happens in events."""
