# M[0] = the value of the k-th node of a linked list, in 4 k + 3 steps. Start: R4 = d, the other registers 0.
# M[0] is the first node, M[p] the node after node p, M[d] = k, and M[p + d] the value of node p.
  read 4 2
next_node:
  read 1 1
  dec 2 2
  jump 2 arrived
  jump 3 next_node
arrived:
  add 1 4 1
  read 1 1
  write 0 1
  halt
