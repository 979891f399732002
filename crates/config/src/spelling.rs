//! Suggestions for misspelt words.

/// Longer words are never compared: they are no misspelling of a key, and comparing takes time.
const MAX_WORD_BYTES: usize = 64;

/// The most candidates that are compared. A longer list gets no better suggestion.
const MAX_WORDS: usize = 100;

/// The candidate nearest to `word`, if one is near enough to have been meant.
pub(crate) fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    words
        .into_iter()
        .take(MAX_WORDS)
        .filter_map(|candidate| Some((distance(word, candidate)?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether `word` is probably a misspelling of `meant`.
pub(crate) fn is_near(word: &str, meant: &str) -> bool {
    distance(word, meant).is_some()
}

/// The edit distance of two words, without regard to case and to `-` and `_`. None if it is above
/// one edit for each three letters.
fn distance(word: &str, meant: &str) -> Option<usize> {
    if word.len() > MAX_WORD_BYTES || meant.len() > MAX_WORD_BYTES {
        return None;
    }
    let distance = strsim::osa_distance(&normalized(word), &normalized(meant));
    (distance <= (meant.len() / 3).max(1) && distance < word.chars().count()).then_some(distance)
}

fn normalized(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = ["type", "endpoint", "serializers", "max_message_size"];

    #[test]
    fn misspellings_find_the_word_that_was_meant() {
        assert_eq!(nearest("typ", WORDS), Some("type"));
        assert_eq!(nearest("tpye", WORDS), Some("type"));
        assert_eq!(nearest("Type", WORDS), Some("type"));
        assert_eq!(nearest("end_points", WORDS), Some("endpoint"));
        assert_eq!(nearest("max-message-size", WORDS), Some("max_message_size"));
    }

    #[test]
    fn unrelated_words_find_none() {
        assert_eq!(nearest("colour", WORDS), None);
        assert_eq!(nearest("", WORDS), None);
        assert_eq!(nearest("t", WORDS), None);
        assert_eq!(nearest("Ä", ["a"]), None);
        assert_eq!(nearest(&"type".repeat(1_000), WORDS), None);
    }
}
