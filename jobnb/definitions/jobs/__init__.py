"""Jobs: graphs with all that is needed to run them."""
