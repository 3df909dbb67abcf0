# R1 = M[R4] after 4 steps; if R2 mod R3 = 0, M[R4] is set to 0 first. Start: R2, R3 and R4 as you like, R0 = 0.
cond:
  mod 2 3 1
  jump 1 true
  jump 0 false
true:
  write 4 1
false:
  read 4 1
