# Subtracts 1 from cell 0, 1, 2, ... in turn, 5 steps a cell, and never halts. Start: all registers 0.
map_loop:
  read 1 2
  dec 2 2
  write 1 2
  inc 1 1
  jump 3 map_loop
