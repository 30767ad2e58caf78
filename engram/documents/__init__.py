"""Files as text: what kind they are, what they say, and in which chunks it is remembered."""
