//! `tokenizer.json`: the vocabulary, and whether its settings are the ones that this code obeys.

use serde_json::{Map, Value};

use crate::error::{Kind, Refusal};

type Object = Map<String, Value>;

/// The id that stands before every text.
pub const CLS: u32 = 101;
/// The id that stands after every text.
pub const SEP: u32 = 102;
/// The id of a word that cannot be cut into pieces.
pub const UNK: u32 = 100;

/// Everything but the vocabulary; `truncation` and `padding` are the caller's, `decoder` is unused.
const SETTINGS: &str = include_str!("settings.json");
const FREE: [&str; 3] = ["decoder", "padding", "truncation"];

/// The pieces and their ids, in ascending order of the pieces' bytes.
pub fn vocabulary(json: &[u8]) -> Result<Vec<(String, u32)>, Refusal> {
    let document: Object =
        serde_json::from_slice(json).map_err(|error| refusal(format!("is damaged: {error}")))?;
    let (settings, vocabulary) = split(document)?;
    require_settings(&settings)?;
    numbered(vocabulary)
}

fn split(mut document: Object) -> Result<(Object, Object), Refusal> {
    for name in FREE {
        document.remove(name);
    }
    match document.get_mut("model").and_then(|model| model.as_object_mut()?.remove("vocab")) {
        Some(Value::Object(vocabulary)) => Ok((document, vocabulary)),
        _ => Err(refusal("has no vocabulary")),
    }
}

fn require_settings(settings: &Object) -> Result<(), Refusal> {
    let known: Object = serde_json::from_str(SETTINGS).expect("checked by the tests");
    let names = known.keys().chain(settings.keys());
    match names.into_iter().find(|&name| known.get(name) != settings.get(name)) {
        Some(name) => Err(refusal(format!("has another {name:?} than all-MiniLM-L6-v2"))),
        None => Ok(()),
    }
}

fn numbered(vocabulary: Object) -> Result<Vec<(String, u32)>, Refusal> {
    let mut free = vec![true; vocabulary.len()];
    let mut number = |(piece, id): (String, Value)| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        match id.filter(|&id| free.get_mut(id as usize).is_some_and(std::mem::take)) {
            Some(id) => Ok((piece, id)),
            None => Err(refusal(format!("has no good number for the piece {piece:?}"))),
        }
    };
    let mut pieces = vocabulary.into_iter().map(&mut number).collect::<Result<Vec<_>, _>>()?;
    pieces.sort_unstable();
    Ok(pieces)
}

fn refusal(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(Kind::ModelMismatch, format!("tokenizer.json {reason}"))
}

/// A file with these pieces after the special words, for tests.
#[cfg(test)]
pub fn written(pieces: &[&str]) -> Vec<u8> {
    let mut document: Value = serde_json::from_str(SETTINGS).expect("JSON");
    let unused = (1..104).map(|id| (format!("[unused{id}]"), id));
    let own = pieces.iter().map(|&piece| piece.to_owned()).zip(104..);
    let mut words: Vec<(String, u32)> = unused.chain(own).collect();
    words.retain(|(_, id)| super::SPECIAL.iter().all(|(_, taken)| taken != id));
    words.extend(super::SPECIAL.map(|(word, id)| (word.to_owned(), id)));
    let all: Object = words.into_iter().map(|(word, id)| (word, id.into())).collect();
    document["model"]["vocab"] = Value::Object(all);
    document.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        let mut document: Value = serde_json::from_slice(&written(&["a"])).expect("JSON");
        change(&mut document);
        let refusal = vocabulary(document.to_string().as_bytes()).expect_err("refused");
        assert_eq!(refusal.kind, Kind::ModelMismatch);
        refusal.message
    }

    #[test]
    fn other_settings_are_refused_by_name() {
        let message = refused(|file| file["normalizer"]["lowercase"] = false.into());
        assert_eq!(message, r#"tokenizer.json has another "normalizer" than all-MiniLM-L6-v2"#);
        assert!(
            refused(|file| file["model"]["max_input_chars_per_word"] = 99.into()).contains("model")
        );
        assert!(
            refused(|file| file["added_tokens"][0]["lstrip"] = true.into())
                .contains("added_tokens")
        );
        assert!(refused(|file| file["new"] = 1.into()).contains("new"));
        assert!(refused(|file| file["version"] = Value::Null).contains("version"));
    }

    #[test]
    fn what_the_caller_decides_is_free() {
        let mut document: Value = serde_json::from_slice(&written(&["a"])).expect("JSON");
        document["truncation"] = serde_json::json!({"max_length": 128});
        document["padding"] = Value::Null;
        assert_eq!(vocabulary(document.to_string().as_bytes()).expect("good").len(), 105);
    }

    #[test]
    fn numbers_that_would_point_outside_the_table_are_refused() {
        for bad in
            [Value::from(105), Value::from(-1), Value::from(1.5), Value::from(7), Value::Null]
        {
            let message = refused(|file| file["model"]["vocab"]["a"] = bad);
            assert!(message.contains("no good number"), "{message}");
        }
        assert!(refused(|file| file["model"]["vocab"] = Value::Null).contains("no vocabulary"));
    }

    #[test]
    fn a_torn_file_is_refused() {
        let file = written(&["a"]);
        for length in [0, 1, file.len() / 2, file.len() - 1] {
            assert!(vocabulary(&file[..length]).expect_err("torn").message.contains("damaged"));
        }
    }
}
