"""What the rows say: cells with their rates, tables and figures of cells. Reads only CSV and the YAML beside it."""
