"""Notebooks from outside: run one headlessly, read one as a code location.

Everything here is loaded at first use: reading and running notebooks costs a second of imports.
"""
