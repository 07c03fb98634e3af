"""Schedules, sensors and conditions, the loop that evaluates them, and backfills."""
