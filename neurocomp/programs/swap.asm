# M[p] and M[q] change places, where p = M[0] and q = M[1], in 7 steps. Start: all registers 0.
inc 2 2
read 0 1
read 2 2
read 1 3
read 2 4
write 1 4
write 2 3
