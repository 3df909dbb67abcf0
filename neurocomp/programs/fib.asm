# Cells 0, 1, 2, ... = 1 2 3 5 8 ..., 6 steps a cell after the first step, and never halts. Start: all registers 0.
  inc 2 2
fib_loop:
  write 3 2
  add 1 2 2
  read 3 1
  write 3 2
  inc 3 3
  jump 4 fib_loop
