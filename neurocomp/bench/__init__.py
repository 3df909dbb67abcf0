"""What an update costs: engines side by side (`measure`), and how the cost grows with the sizes (`scaling`)."""
