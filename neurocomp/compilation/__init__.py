"""Programs to the weights of the machine and back, and one exact run of what was compiled."""
