"""Where cells are produced: processes of this machine, or a cluster through Ray. `sweep` writes the rows."""
