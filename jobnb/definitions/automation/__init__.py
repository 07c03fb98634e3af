"""Schedules, sensors and conditions: what launches runs without anybody asking."""
