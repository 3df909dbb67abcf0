# Counts its rounds of 4 steps in R3 and never halts: a loop with room for instructions. Start: all registers 0.
loop:
  noop
  noop
  inc 3 3
  jump 4 loop
