"""Selections of assets and ops, as objects and as text."""
