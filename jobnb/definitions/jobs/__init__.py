"""Jobs: graphs with resources, config and executors."""
