//! What happens to each letter of a text before it is cut into words.

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;

/// The letters of a text without control characters, accents and case; every white space is a
/// blank, and every Chinese character stands between two.
pub fn normalised(text: &str) -> impl Iterator<Item = char> + '_ {
    let clean = text.chars().filter(|&letter| is_kept(letter));
    let spaced = clean.flat_map(|letter| {
        let (three, count) = match letter {
            _ if is_space(letter) => ([' '; 3], 1),
            _ if is_chinese(letter) => ([' ', letter, ' '], 3),
            _ => ([letter; 3], 1),
        };
        three.into_iter().take(count)
    });
    let decomposed = spaced.nfd().map(|(letter, _)| letter);
    decomposed.filter(|&letter| !is_accent(letter)).map(lower)
}

/// `White_Space`, which has not changed since Unicode 6.3.
pub fn is_space(letter: char) -> bool {
    matches!(
        letter,
        '\t'..='\r'
            | ' '
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

/// ASCII punctuation, symbols included, and the categories P*.
pub fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation() || (!letter.is_ascii() && letter.is_punctuation())
}

/// Neither U+FFFD nor in the categories Cc, Cf and Co, of which tab and line ends stay.
fn is_kept(letter: char) -> bool {
    if letter.is_ascii() {
        return !letter.is_ascii_control() || matches!(letter, '\t' | '\n' | '\r');
    }
    letter != '\u{fffd}' && !letter.is_other()
}

/// The blocks that the reference implementation names; the gap before U+2B920 is its own.
fn is_chinese(letter: char) -> bool {
    matches!(
        letter,
        '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{2a6df}'
            | '\u{2a700}'..='\u{2b81f}'
            | '\u{2b920}'..='\u{2ceaf}'
            | '\u{2f800}'..='\u{2fa1f}'
    )
}

/// Category Mn.
fn is_accent(letter: char) -> bool {
    !letter.is_ascii() && letter.is_mark_nonspacing()
}

/// The lower case of one letter. Only that of U+0130 is longer, and it never comes here: its dot
/// was split off and dropped.
fn lower(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    match unicode_case_mapping::to_lowercase(letter) {
        [0, _] => letter,
        [code, _] => char::from_u32(code).unwrap_or(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        normalised(text).collect()
    }

    #[test]
    fn the_tables_are_those_that_the_documents_name() {
        assert_eq!(unicode_normalization_alignments::UNICODE_VERSION, (9, 0, 0));
        assert_eq!(unicode_case_mapping::UNICODE_VERSION, (16, 0, 0));
    }

    #[test]
    fn one_letter_becomes_lower_case_as_one_letter() {
        let longer = |letter: &char| unicode_case_mapping::to_lowercase(*letter)[1] != 0;
        assert_eq!(('\0'..=char::MAX).filter(longer).collect::<Vec<_>>(), ['İ']);
        assert_eq!(normal("İI"), "ii");
    }

    #[test]
    fn chinese_characters_stand_alone_and_korean_ones_do_not() {
        assert_eq!(normal("a漢b"), "a 漢 b");
        assert_eq!(normal("한"), "\u{1112}\u{1161}\u{11ab}");
    }

    #[test]
    fn marks_that_stay_are_put_in_order() {
        // U+302E (class 224) is no Mn in these tables and sorts after U+1D165 (class 216).
        assert_eq!(normal("\u{302e}\u{1d165}"), "\u{1d165}\u{302e}");
        assert_eq!(normal("a\u{302e}\u{ad}\u{1d165}"), "a\u{1d165}\u{302e}");
    }

    #[test]
    fn every_white_space_is_a_blank() {
        assert_eq!(normal("\t\n\r\u{a0}\u{2003}\u{3000}"), "      ");
        assert_eq!(normal("\u{b}\u{c}\u{85}\u{1c}"), "");
    }
}
