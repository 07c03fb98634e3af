"""What this kernel knows: the one mutable object."""
