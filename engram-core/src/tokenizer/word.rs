//! One word, gathered letter by letter.

use super::file::UNK;
use super::pieces::Pieces;

/// Letters of the longest word that is cut into pieces; a longer one is unknown.
const LONGEST: usize = 100;

/// The letters since the last word ended.
#[derive(Default)]
pub struct Word {
    text: String,
    letters: usize,
}

impl Word {
    /// Append a letter; of those beyond the longest word only the number is kept.
    pub fn push(&mut self, letter: char) {
        self.letters += 1;
        if self.letters <= LONGEST {
            self.text.push(letter);
        }
    }

    /// Append the word's ids, if there is a word, and begin another.
    pub fn end(&mut self, pieces: &Pieces, ids: &mut Vec<u32>) {
        if self.letters == 0 {
            return;
        }
        let before = ids.len();
        if self.letters > LONGEST || !pieces.cut(self.text.as_bytes(), ids) {
            ids.truncate(before);
            ids.push(UNK);
        }
        self.text.clear();
        self.letters = 0;
    }
}
