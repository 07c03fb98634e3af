"""The hash of a function's code, and the notes on what the hash does not cover.

The modules, each using those before it: `version` is the recorded hash; `bytecode_facts` is what
compiled code does and `name_usage` how it uses names; `static_inspection` and `values` describe
values without running code; `modules` decides which code is the user's own; `mutations` finds what
that code changes itself; `references` lists what a function, class, object or module uses; `reader`
follows and hashes it all.
"""
