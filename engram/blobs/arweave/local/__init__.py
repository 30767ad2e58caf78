"""An Arweave gateway of this machine only: for trying and testing, and never the public network.

It checks signatures, rewards, anchors, balances and proofs as the real one does, and mines a block
every few seconds. Nothing that it keeps is permanent or public.
"""
