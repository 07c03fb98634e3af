"""Live views: Python holds the state as traits, the files in `static/` draw it.

Importing this package loads ipywidgets, so it is imported only when something is shown in a
front end.
"""
