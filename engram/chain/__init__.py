"""The chain that a subnet lives on: who is registered, where they are, what they are paid."""

from __future__ import annotations
