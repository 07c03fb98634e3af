"""The server: what notebooks, files and modules define, and their history, over GraphQL."""
