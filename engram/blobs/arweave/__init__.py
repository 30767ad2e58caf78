"""Arweave: transactions, the proofs of their chunks, and the HTTP of a gateway."""
