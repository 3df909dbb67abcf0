"""The report as one page: cells, restarts and soft traces as plain numbers, and the file that draws them."""
