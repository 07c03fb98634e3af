"""Which assets are stale, and why: present definitions compared with recorded versions.

It tells and chooses; it runs nothing.
"""
