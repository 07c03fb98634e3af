"""Resources and IO managers, and the contexts they see."""
