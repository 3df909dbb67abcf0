# Writes cell 0, 1, 2, ... to cell R4, R4 - 1, ... in turn, 5 steps a cell, and never halts. Start: R1 = R3 = 0.
reverse_loop:
  read 1 2
  write 4 2
  inc 1 1
  dec 4 4
  jump 3 reverse_loop
