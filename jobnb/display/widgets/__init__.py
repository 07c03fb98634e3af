"""Live views: Python keeps the state as traits, the files in `static/` draw it.

A widget is made only when something is shown in a front end; importing this room loads
ipywidgets, so nothing imports it before.
"""
