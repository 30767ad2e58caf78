"""Placement: which miners hold a CID, as a pure function of the members and the CID."""

from engram.dht.cover import Cover
from engram.dht.distance import key_of, node_id_of, xor_distance
from engram.dht.membership import Member, Membership, admitted
from engram.dht.routing import RoutingTable

__all__ = [
    "Cover",
    "Member",
    "Membership",
    "RoutingTable",
    "admitted",
    "key_of",
    "node_id_of",
    "xor_distance",
]
