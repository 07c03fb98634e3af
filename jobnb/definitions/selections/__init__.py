"""Selections: which assets or ops, as objects and in the one grammar."""
