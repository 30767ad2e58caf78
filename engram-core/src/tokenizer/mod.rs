//! Text to word pieces, exactly as all-MiniLM-L6-v2 was trained on them.
//!
//! The ids are those of the Hugging Face `tokenizers` library for the same `tokenizer.json`,
//! without its truncation and padding. Every Unicode table comes from a pinned crate and none from
//! the standard library, so the ids, and with them every embedding and CID, do not depend on the
//! compiler. docs/embedding.md says which Unicode versions they are.

mod file;
mod letters;
mod pieces;
mod word;

pub use file::{CLS, SEP, UNK};

use crate::error::Refusal;
use pieces::Pieces;
use word::Word;

/// Words that stand for themselves wherever they occur in the raw text, and their ids.
const SPECIAL: [(&str, u32); 5] =
    [("[PAD]", 0), ("[UNK]", UNK), ("[CLS]", CLS), ("[SEP]", SEP), ("[MASK]", 103)];

/// The tokenizer of one `tokenizer.json`.
pub struct Tokenizer {
    pieces: Pieces,
}

impl Tokenizer {
    /// Read a `tokenizer.json`.
    ///
    /// # Errors
    /// `ModelMismatch`: it is no JSON, asks for anything that this code does not do, or its
    /// vocabulary is not the numbers `0..n`, each once.
    pub fn from_json(json: &[u8]) -> Result<Self, Refusal> {
        let vocabulary = file::vocabulary(json)?;
        Ok(Self { pieces: Pieces::new(&vocabulary) })
    }

    /// Ids of the whole text: `[CLS]`, its pieces, `[SEP]`; two or more, in time linear in `text`.
    #[must_use]
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = vec![CLS];
        let mut rest = text;
        while let Some((start, special, id)) = first_special(rest) {
            self.read(&rest[..start], &mut ids);
            ids.push(id);
            rest = &rest[start + special.len()..];
        }
        self.read(rest, &mut ids);
        ids.push(SEP);
        ids
    }

    /// Append the ids of text that holds no special word.
    fn read(&self, text: &str, ids: &mut Vec<u32>) {
        let mut word = Word::default();
        for letter in letters::normalised(text) {
            if letters::is_space(letter) {
                word.end(&self.pieces, ids);
            } else if letters::is_punctuation(letter) {
                word.end(&self.pieces, ids);
                word.push(letter);
                word.end(&self.pieces, ids);
            } else {
                word.push(letter);
            }
        }
        word.end(&self.pieces, ids);
    }
}

/// The first special word: where it starts, its text and its id. None begins with another.
fn first_special(text: &str) -> Option<(usize, &'static str, u32)> {
    memchr::memchr_iter(b'[', text.as_bytes()).find_map(|start| {
        let (special, id) = SPECIAL.into_iter().find(|(it, _)| text[start..].starts_with(it))?;
        Some((start, special, id))
    })
}

/// At most `limit` ids of those that `encode` gave: the first `limit - 1`, and the last.
///
/// # Panics
/// If `limit` is 0.
pub fn truncate(ids: &mut Vec<u32>, limit: usize) {
    if ids.len() > limit {
        ids.truncate(limit - 1);
        ids.push(SEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer(pieces: &[&str]) -> Tokenizer {
        Tokenizer::from_json(&file::written(pieces)).expect("a good file")
    }

    /// Ids of the pieces that tests add come after the special words.
    const FIRST: u32 = 104;

    #[test]
    fn the_longest_piece_is_taken_each_time() {
        let tokenizer = tokenizer(&["a", "ab", "##c", "##cd", "##d", "abcx"]);
        let ids = |text| tokenizer.encode(text);
        assert_eq!(ids(""), [CLS, SEP]);
        assert_eq!(ids("a"), [CLS, FIRST, SEP]);
        assert_eq!(ids("abcd"), [CLS, FIRST + 1, FIRST + 3, SEP]);
        assert_eq!(ids("abccd"), [CLS, FIRST + 1, FIRST + 2, FIRST + 3, SEP]);
        assert_eq!(ids("abce a"), [CLS, UNK, FIRST, SEP]);
    }

    #[test]
    fn special_words_count_in_raw_text_only() {
        let tokenizer = tokenizer(&["x", "[", "]", "sep", "s"]);
        let ids = |text| tokenizer.encode(text);
        assert_eq!(ids("x[SEP]x"), [CLS, FIRST, SEP, FIRST, SEP]);
        assert_eq!(ids("[[MASK]]"), [CLS, FIRST + 1, 103, FIRST + 2, SEP]);
        assert_eq!(ids("[sep]"), [CLS, FIRST + 1, FIRST + 3, FIRST + 2, SEP]);
        assert_eq!(ids("[S\u{0}EP]"), [CLS, FIRST + 1, FIRST + 3, FIRST + 2, SEP]);
    }

    #[test]
    fn accents_case_and_control_characters_are_taken_off() {
        let tokenizer = tokenizer(&["naive", "漢"]);
        for text in ["naive", "NAÏVE", "nai\u{308}ve", "\u{7f}n\u{ad}aive\u{200b}"] {
            assert_eq!(tokenizer.encode(text), [CLS, FIRST, SEP], "{text:?}");
        }
        assert_eq!(tokenizer.encode("naive漢naive").len(), 5);
    }

    #[test]
    fn a_word_of_101_letters_is_unknown() {
        let tokenizer = tokenizer(&["é", "##é", "e", "##e"]);
        assert_eq!(tokenizer.encode(&"é".repeat(100)).len(), 102);
        assert_eq!(tokenizer.encode(&"é".repeat(101)), [CLS, UNK, SEP]);
    }

    #[test]
    fn the_last_id_stays() {
        let mut ids = vec![CLS, 7, 8, 9, SEP];
        truncate(&mut ids, 5);
        assert_eq!(ids, [CLS, 7, 8, 9, SEP]);
        truncate(&mut ids, 4);
        assert_eq!(ids, [CLS, 7, 8, SEP]);
    }
}
