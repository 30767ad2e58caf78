"""Files on their way to records: taken in, read, cut, stored, pinned, and resumed after a crash."""
