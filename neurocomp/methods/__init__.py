"""How the missing restarts of a cell are produced: one file a method, each from restart numbers to rows."""
