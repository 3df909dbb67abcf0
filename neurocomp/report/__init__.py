"""What the rows say: cells with their rates, and tables of cells. Reads only CSV and the YAML beside it."""
