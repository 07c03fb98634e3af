"""Which assets are stale, and why: what is defined now beside what was recorded in the making.

It tells and chooses; it runs nothing.
"""
