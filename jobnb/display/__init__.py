"""How definitions, runs and values are displayed: pictures, HTML and text.

No lower room imports this one. `install` adds rich reprs to the classes; everything else is
imported when the first of them is displayed.
"""
