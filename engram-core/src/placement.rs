//! Which members hold a CID: the nearest by XOR distance.

use sha2::{Digest, Sha256};

use crate::limits::{HASH_BYTES, REPLICAS};

/// Where a member or a CID lies in the key space, as a big-endian integer.
pub type Key = [u8; HASH_BYTES];

/// Bytes of a distance that decide on their own, save for two node ids that begin alike.
const HEAD_BYTES: usize = size_of::<u64>();

/// A member of the network, ready to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The member's number on the subnet.
    pub uid: u16,
    id: Key,
    head: u64,
}

impl Node {
    /// The node of a neuron that registered in the block with this hash.
    #[must_use]
    pub fn new(uid: u16, registration_block_hash: &[u8; HASH_BYTES]) -> Self {
        let id = Sha256::new()
            .chain_update(registration_block_hash)
            .chain_update(uid.to_le_bytes())
            .finalize();
        Self::at(uid, id.into())
    }

    fn at(uid: u16, id: Key) -> Self {
        Self { uid, id, head: head(&id) }
    }

    fn xor_distance(&self, key: &Key) -> Key {
        std::array::from_fn(|index| self.id[index] ^ key[index])
    }
}

fn head(key: &Key) -> u64 {
    let (first, _) = key.split_first_chunk::<HEAD_BYTES>().expect("a key is longer");
    u64::from_be_bytes(*first)
}

/// UIDs of up to three nodes, primary first.
#[must_use]
pub fn nearest(key: &Key, nodes: &[Node]) -> Vec<u16> {
    let mut uids = Vec::with_capacity(REPLICAS);
    Search::new(REPLICAS).append(key, nodes, &mut uids);
    uids
}

/// UIDs of the `count` nearest nodes to each key, key by key; of all nodes if there are fewer.
#[must_use]
pub fn nearest_many(keys: &[&Key], nodes: &[Node], count: usize) -> Vec<u16> {
    let mut uids = Vec::with_capacity(keys.len() * count.min(nodes.len()));
    let mut search = Search::new(count);
    for key in keys {
        search.append(key, nodes, &mut uids);
    }
    uids
}

/// The nearest so far, best first: a plain pass over the nodes, which at 256 costs 0.2 µs a key.
struct Search<'a> {
    count: usize,
    best: Vec<(u64, &'a Node)>,
}

impl<'a> Search<'a> {
    fn new(count: usize) -> Self {
        Self { count, best: Vec::with_capacity(count + 1) }
    }

    fn append(&mut self, key: &Key, nodes: &'a [Node], uids: &mut Vec<u16>) {
        let key_head = head(key);
        let mut worst = u64::MAX; // of those kept, once there are enough
        self.best.clear();
        for node in nodes {
            let distance = node.head ^ key_head;
            if distance <= worst {
                self.keep(distance, node, key);
                worst = self.best.get(self.count - 1).map_or(u64::MAX, |(last, _)| *last);
            }
        }
        uids.extend(self.best.iter().map(|(_, node)| node.uid));
    }

    fn keep(&mut self, distance: u64, node: &'a Node, key: &Key) {
        let nearer = |(other, kept): &(u64, &Node)| {
            *other < distance
                || *other == distance && kept.xor_distance(key) <= node.xor_distance(key)
        };
        let rank = self.best.partition_point(nearer);
        self.best.insert(rank, (distance, node));
        self.best.truncate(self.count);
    }
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
    fn many_are_each_one_in_full_order() {
        let nodes: Vec<Node> = (0..40).map(|uid| Node::new(uid, &[3; 32])).collect();
        let keys: Vec<Key> = (0..20).map(|uid| Node::new(uid, &[9; 32]).id).collect();
        let all = nearest_many(&keys.iter().collect::<Vec<_>>(), &nodes, 256);
        for (key, uids) in keys.iter().zip(all.chunks(nodes.len())) {
            let mut sorted = nodes.clone();
            sorted.sort_by_key(|node| node.xor_distance(key));
            assert_eq!(uids, sorted.iter().map(|node| node.uid).collect::<Vec<_>>());
            assert_eq!(nearest(key, &nodes), uids[..3]);
        }
        assert!(nearest_many(&[&keys[0]], &[], 3).is_empty());
    }

    #[test]
    fn nodes_that_begin_alike_are_told_apart_by_the_rest() {
        let alike: Vec<Node> = (0..5_u16)
            .map(|uid| {
                let mut id = [7; 32];
                id[31] = u8::try_from(uid).expect("small");
                Node::at(uid, id)
            })
            .collect();
        assert_eq!(nearest(&[7; 32], &alike), [4, 3, 2]); // 7 ^ 4 = 3, 7 ^ 3 = 4, 7 ^ 2 = 5
        assert_eq!(nearest_many(&[&[0; 32]], &alike, 5), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_small_network_uses_all_it_has() {
        let nodes = [Node::new(5, &[1; 32])];
        assert_eq!(nearest(&[0; 32], &nodes), [5]);
        assert!(nearest(&[0; 32], &[]).is_empty());
    }
}
