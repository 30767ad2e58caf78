//! The vocabulary as a trie over bytes.

use memchr::memchr;

/// What marks a piece that continues a word.
const CONTINUES: &[u8] = b"##";

/// The id of a node where no piece ends.
const NONE: u32 = u32::MAX;

/// Nodes in breadth-first order, so that the children of one stand together.
pub struct Pieces {
    /// The byte that leads into each node.
    bytes: Vec<u8>,
    /// Where the children of each node begin; they end where those of the next begin.
    children: Vec<u32>,
    ids: Vec<u32>,
    continuation: Option<usize>,
}

impl Pieces {
    /// From the vocabulary in ascending order of its bytes, without repetition.
    pub fn new(vocabulary: &[(String, u32)]) -> Self {
        let mut found = Self { bytes: vec![0], children: vec![], ids: vec![], continuation: None };
        // Each node: the words below it, and its depth.
        let mut below = vec![(vocabulary, 0)];
        let mut node = 0;
        while node < below.len() {
            let (mut words, depth) = below[node];
            found.ids.push(NONE);
            found.children.push(index(below.len()));
            if let Some(((_, id), longer)) =
                words.split_first().filter(|(it, _)| it.0.len() == depth)
            {
                found.ids[node] = *id;
                words = longer;
            }
            for family in words.chunk_by(|a, b| a.0.as_bytes()[depth] == b.0.as_bytes()[depth]) {
                found.bytes.push(family[0].0.as_bytes()[depth]);
                below.push((family, depth + 1));
            }
            node += 1;
        }
        found.children.push(index(below.len()));
        let step = |node, &byte| found.child(node, byte);
        found.continuation = CONTINUES.iter().try_fold(0, step);
        found
    }

    /// Append the ids of a word's pieces, the longest possible each time; false if one is missing,
    /// and then `ids` may have grown.
    pub fn cut(&self, word: &[u8], ids: &mut Vec<u32>) -> bool {
        let mut start = Some(0);
        let mut rest = word;
        while !rest.is_empty() {
            let Some((length, id)) = start.and_then(|start| self.longest(start, rest)) else {
                return false;
            };
            ids.push(id);
            rest = &rest[length..];
            start = self.continuation;
        }
        true
    }

    /// The longest piece below `node` that the text begins with: its bytes, at least one, and id.
    fn longest(&self, mut node: usize, text: &[u8]) -> Option<(usize, u32)> {
        let mut found = None;
        for (length, &byte) in (1..).zip(text) {
            let Some(next) = self.child(node, byte) else { break };
            node = next;
            if self.ids[node] != NONE {
                found = Some((length, self.ids[node]));
            }
        }
        found
    }

    fn child(&self, node: usize, byte: u8) -> Option<usize> {
        let (first, end) = (self.children[node] as usize, self.children[node + 1] as usize);
        memchr(byte, &self.bytes[first..end]).map(|place| first + place)
    }
}

fn index(node: usize) -> u32 {
    u32::try_from(node).expect("a vocabulary file has fewer bytes than 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(vocabulary: &[&str], word: &str) -> Option<Vec<u32>> {
        let numbered: Vec<_> = vocabulary.iter().map(|&it| it.to_owned()).zip(0..).collect();
        let mut ids = vec![];
        Pieces::new(&numbered).cut(word.as_bytes(), &mut ids).then_some(ids)
    }

    #[test]
    fn pieces_end_between_letters() {
        assert_eq!(cut(&["##é", "e", "è", "é"], "éé"), Some(vec![3, 0]));
        assert_eq!(cut(&["e", "è"], "é"), None);
    }

    #[test]
    fn a_vocabulary_may_lack_continuations() {
        assert_eq!(cut(&["a"], "a"), Some(vec![0]));
        assert_eq!(cut(&["a"], "aa"), None);
        assert_eq!(cut(&[], "a"), None);
    }

    #[test]
    fn the_mark_itself_is_no_piece() {
        assert_eq!(cut(&["##", "##b", "a"], "ab"), Some(vec![2, 1]));
        assert_eq!(cut(&["##", "a"], "ab"), None);
    }
}
