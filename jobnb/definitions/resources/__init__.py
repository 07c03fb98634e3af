"""Resources and IO managers, and their contexts."""
