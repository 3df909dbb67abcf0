# Cell i = cell i mod 2 for i = 0..n-1, 7 steps a cell. Start: R4 = n - 1, R6 = 2, the other registers 0.
filter_loop:
  read 3 2
  mod 2 6 1
  write 3 1
  inc 3 3
  max 3 4 5
  sub 4 5 5
  jump 5 filter_loop
