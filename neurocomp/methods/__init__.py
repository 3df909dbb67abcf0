"""The methods that run the missing restarts of a cell: one file each, from restart numbers to rows."""
