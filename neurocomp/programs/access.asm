# M[0] = M[M[0]]: the word that the first cell points at. Start: all registers 0.
read 0 1
read 1 1
write 0 1
halt
