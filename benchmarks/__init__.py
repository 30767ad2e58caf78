"""How fast, how exact and how large: every number beside a floor measured in the same run."""
