"""The hash of a function's code, and what it does not tell.

In order, each by those before it: `version` is a hash as it is recorded; `facts` says what compiled
code does and `ways` how it uses names; `look` and `values` describe values from outside; `modules`
tells which code is the user's own; `changes` what that code changes itself; `pieces` what a
function, class, object or module uses; `reader` follows all of it and hashes it.
"""
