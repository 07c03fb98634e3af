"""The hash of a function's code, and the notes on what the hash does not cover.

The modules, each using those before it: `version` is the recorded hash; `facts` is what compiled
code does and `ways` how it uses names; `look` and `values` describe values without running code;
`modules` decides which code is the user's own; `changes` finds what that code changes itself;
`pieces` lists what a function, class, object or module uses; `reader` follows and hashes it all.
"""
