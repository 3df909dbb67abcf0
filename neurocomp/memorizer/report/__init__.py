"""The cells and tables of the second machine."""
