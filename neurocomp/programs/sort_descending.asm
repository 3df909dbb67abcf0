# Sort M[0..R4] in descending order, pass by pass: the program of the tasks corpus/sort_3 and sort_4 with min and max
# changed for each other. R4 is the last index.
pass:
  zero 1
loop:
  inc 1 3
  read 1 2
  read 3 7
  max 2 7 5
  write 1 5
  min 2 7 5
  write 3 5
  inc 1 1
  sub 4 1 5
  jump 5 done
  jump 0 loop
done:
  dec 4 4
  jump 4 end
  jump 0 pass
end:
  halt
