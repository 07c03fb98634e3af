"""Assets: what is made, named by keys, and all the ways to say so."""
