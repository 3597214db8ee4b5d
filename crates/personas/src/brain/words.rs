//! From text to words.

/// One word, or a comma or dash that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case, for comparing.
    pub(super) text: String,
    /// As it was written.
    pub(super) raw: String,
}

impl Word {
    fn new(raw: &str) -> Self {
        Self { text: raw.to_lowercase(), raw: raw.to_owned() }
    }

    /// Whether it was written with a capital, as names are.
    pub(super) fn is_capitalised(&self) -> bool {
        self.raw.chars().next().is_some_and(char::is_uppercase)
    }
}

/// The words of a text. Commas and dashes become words, except in dates like `2026-12-01`.
pub(super) fn words(text: &str) -> Vec<Word> {
    let characters: Vec<char> = text.chars().map(plain).collect();
    let mut spaced = String::with_capacity(text.len());
    for (at, c) in characters.iter().enumerate() {
        let near = |index: Option<usize>| index.and_then(|index| characters.get(index));
        let digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
        let (before, after) = (near(at.checked_sub(1)), near(Some(at + 1)));
        match c {
            ',' if digit(before) && digit(after) => spaced.push('.'),
            '/' if digit(before) && digit(after) => spaced.push('/'),
            '/' if before == Some(&'w') => spaced.push_str("ith "),
            ',' | ';' | '/' => spaced.push_str(" , "),
            '&' | '+' => spaced.push_str(" and "),
            c => spaced.push(*c),
        }
    }
    let mut words = Vec::new();
    for chunk in spaced.split_whitespace() {
        let chunk = chunk.trim_start_matches(['(', '[', '{', '"', '\'', '<']);
        let chunk =
            chunk.trim_end_matches(['.', '!', '?', ')', ']', '}', '"', '\'', ':', '>', '…']);
        if is_iso_date(chunk) {
            words.push(Word::new(chunk));
        } else if let Some((date, time)) = chunk.split_once(['T', 't'])
            && is_iso_date(date)
        {
            words.extend([Word::new(date), Word::new(time.trim_end_matches(['Z', 'z']))]);
        } else {
            for (number, part) in chunk.split('-').enumerate() {
                if number > 0 {
                    words.push(Word::new("-"));
                }
                words.extend(bare(part).map(|part| Word::new(&part)));
            }
        }
    }
    words
}

/// Typographic signs as their plain relatives.
fn plain(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
        '\u{2010}'..='\u{2015}' => '-',
        c => c,
    }
}

/// A word without its possessive ending and apostrophes; `None` when nothing is left.
fn bare(part: &str) -> Option<String> {
    let stem = match part.to_lowercase().as_str() {
        "let's" => part,
        lower if lower.ends_with("'s") => &part[..part.len() - 2],
        _ => part,
    };
    let stem = stem.replace('\'', "");
    (!stem.is_empty()).then_some(stem)
}

fn is_iso_date(chunk: &str) -> bool {
    let bytes = chunk.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// How many words a phrase takes, if the words begin with it. Dashes between them do not count.
pub(super) fn phrase(words: &[Word], phrase: &str) -> Option<usize> {
    let mut at = 0;
    for (number, wanted) in phrase.split(' ').enumerate() {
        if number > 0 && words.get(at).is_some_and(|word| word.text == "-") {
            at += 1;
        }
        if words.get(at)?.text != wanted {
            return None;
        }
        at += 1;
    }
    Some(at)
}

/// The longest of several phrases the words begin with.
pub(super) fn one_of(words: &[Word], phrases: &[&str]) -> Option<usize> {
    phrases.iter().filter_map(|wanted| phrase(words, wanted)).max()
}

/// The text of the word at an index, or nothing.
pub(super) fn text_at(words: &[Word], at: usize) -> &str {
    words.get(at).map_or("", |word| word.text.as_str())
}

/// The words after so many; none when there are fewer.
pub(super) fn after(words: &[Word], used: usize) -> &[Word] {
    words.get(used..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found: Vec<String> = words(text).into_iter().map(|word| word.text).collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn signs_are_taken_off_and_commas_kept() {
        check("Dinner, with Bob & \"Carol\"!", "dinner , with bob and carol");
        check("(Bob's place?) let's go w/ Dave.", "bob place lets go with dave");
        check("Bob,Carol/Dave", "bob , carol , dave");
    }

    #[test]
    fn dates_and_numbers_stay_whole_and_dashes_split() {
        check("2026-12-01T15:00 2026-12-01", "2026-12-01 15:00 2026-12-01");
        check("14:00–17:00, 30-minute 1,5 12/24", "14:00 - 17:00 , 30 - minute 1.5 12/24");
    }

    #[test]
    fn a_phrase_may_be_written_with_dashes() {
        assert_eq!(phrase(&words("one-on-one with Bob"), "one on one"), Some(5));
        assert_eq!(phrase(&words("one on"), "one on one"), None);
        assert_eq!(one_of(&words("next week"), &["next", "next week"]), Some(2));
    }
}
