"""The cost of an update: engines side by side (`measure`), and how the cost grows with the sizes (`scaling`)."""
