"""Search over raw assembly: what tuning is compared with. Examples and a budget in programs go in, programs out."""
