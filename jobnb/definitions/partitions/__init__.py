"""Partitions: named slices of assets and jobs, sets of them, and how they belong together."""
