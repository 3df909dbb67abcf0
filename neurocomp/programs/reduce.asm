# M[3] = M[0] + M[1] + M[2] after 21 steps. Start: all registers 0.
  inc 4 4
  inc 4 4
sum_loop:
  read 3 2
  add 1 2 1
  inc 3 3
  max 3 4 5
  sub 4 5 5
  jump 5 sum_loop
  write 3 1
