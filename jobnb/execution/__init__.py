"""Doing what a plan says, and telling of it in events."""
