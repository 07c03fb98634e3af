"""Partitions of assets and jobs, subsets of them, and mappings between them."""
