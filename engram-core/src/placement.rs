//! Which members hold a CID: the nearest by XOR distance.

use sha2::{Digest, Sha256};

use crate::limits::{HASH_BYTES, REPLICAS};

/// Where a member or a CID lies in the key space, as a big-endian integer.
pub type Key = [u8; HASH_BYTES];

/// A member of the network, ready to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The member's number on the subnet.
    pub uid: u16,
    id: Key,
}

impl Node {
    /// The node of a neuron that registered in the block with this hash.
    #[must_use]
    pub fn new(uid: u16, registration_block_hash: &[u8; HASH_BYTES]) -> Self {
        let id = Sha256::new()
            .chain_update(registration_block_hash)
            .chain_update(uid.to_le_bytes())
            .finalize();
        Self { uid, id: id.into() }
    }

    fn xor_distance(&self, key: &Key) -> Key {
        std::array::from_fn(|index| self.id[index] ^ key[index])
    }
}

/// UIDs of up to three nodes, primary first.
#[must_use]
pub fn nearest(key: &Key, nodes: &[Node]) -> Vec<u16> {
    let mut best: Vec<(Key, u16)> = Vec::with_capacity(REPLICAS + 1);
    for node in nodes {
        let distance = node.xor_distance(key);
        let rank = best.partition_point(|(nearer, _)| *nearer < distance);
        if rank < REPLICAS {
            best.insert(rank, (distance, node.uid));
            best.truncate(REPLICAS);
        }
    }
    best.into_iter().map(|(_, uid)| uid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_the_first_of_a_full_sort() {
        let nodes: Vec<Node> = (0..256).map(|uid| Node::new(uid, &[3; 32])).collect();
        for seed in 0..50 {
            let key = Node::new(seed, &[9; 32]).id;
            let mut sorted = nodes.clone();
            sorted.sort_by_key(|node| node.xor_distance(&key));
            let expected: Vec<u16> = sorted[..3].iter().map(|node| node.uid).collect();
            assert_eq!(nearest(&key, &nodes), expected);
        }
    }

    #[test]
    fn a_small_network_uses_all_it_has() {
        let nodes = [Node::new(5, &[1; 32])];
        assert_eq!(nearest(&[0; 32], &nodes), [5]);
        assert!(nearest(&[0; 32], &[]).is_empty());
    }
}
