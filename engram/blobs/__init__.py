"""Raw files, kept under the hash of their bytes: here, and for ever on Arweave."""
