//! Which word was probably meant.

/// Longer words are no near misses of anything, and comparing them would only take time.
const MAX_WORD_BYTES: usize = 64;

/// How many words are compared; what names more of them is not helped by one.
const MAX_WORDS: usize = 100;

/// The nearest of the words, if one is near enough to have been meant.
pub(crate) fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    words
        .into_iter()
        .take(MAX_WORDS)
        .filter_map(|candidate| Some((distance(word, candidate)?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether a word is near enough to another to have been meant.
pub(crate) fn is_near(word: &str, meant: &str) -> bool {
    distance(word, meant).is_some()
}

/// The number of slips between two words, if it is at most one in three letters, counted without
/// regard to case and to `-` and `_`.
fn distance(word: &str, meant: &str) -> Option<usize> {
    if word.len() > MAX_WORD_BYTES || meant.len() > MAX_WORD_BYTES {
        return None;
    }
    let distance = strsim::osa_distance(&folded(word), &folded(meant));
    (distance <= (meant.len() / 3).max(1) && distance < word.chars().count()).then_some(distance)
}

fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = ["type", "endpoint", "serializers", "max_message_size"];

    #[test]
    fn slips_of_the_finger_are_near() {
        assert_eq!(nearest("typ", WORDS), Some("type"));
        assert_eq!(nearest("tpye", WORDS), Some("type"));
        assert_eq!(nearest("Type", WORDS), Some("type"));
        assert_eq!(nearest("end_points", WORDS), Some("endpoint"));
        assert_eq!(nearest("max-message-size", WORDS), Some("max_message_size"));
    }

    #[test]
    fn other_words_are_not() {
        assert_eq!(nearest("colour", WORDS), None);
        assert_eq!(nearest("", WORDS), None);
        assert_eq!(nearest("t", WORDS), None);
        assert_eq!(nearest("Ä", ["a"]), None);
        assert_eq!(nearest(&"type".repeat(1_000), WORDS), None);
    }
}
