"""The miner: takes text in, gives CIDs out, finds, proves, and never loses what it acknowledged."""
