"""Definitions: what users wrote, frozen and unresolved."""
