"""How definitions, runs and values look: pictures, pages and text, hung on from outside.

Nothing here is imported by the rooms below. `install` gives the nouns their rich reprs; all
the rest loads when the first of them is shown.
"""
