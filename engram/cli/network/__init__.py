"""A whole subnet on this machine: ledger, wallets, miners and validators under one folder.

A supervisor process keeps the nodes running; ``engram up`` starts it and looks at it.
"""
