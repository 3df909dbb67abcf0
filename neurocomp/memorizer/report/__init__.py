"""What the rows of the second machine say: its cells and tables."""
