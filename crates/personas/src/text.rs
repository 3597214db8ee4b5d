//! Text that people wrote, before it is shown, sent or written into a file.

/// Whether a character could move the cursor, hide, or turn text around on a screen.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text in one line without unsafe characters, cut to at most so many bytes.
pub(crate) fn tidy(text: &str, bytes_max: usize) -> String {
    let mut tidy = String::with_capacity(text.len().min(bytes_max));
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word: String = word.chars().filter(|c| !is_unsafe(*c)).collect();
        if word.is_empty() {
            continue;
        }
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(&word);
        if tidy.len() > bytes_max {
            break;
        }
    }
    let mut end = tidy.len().min(bytes_max);
    while !tidy.is_char_boundary(end) {
        end -= 1;
    }
    tidy.truncate(end);
    tidy.truncate(tidy.trim_end().len());
    tidy
}

/// `Bob`, `Bob and Carol`, `Bob, Carol and Dave`.
pub(crate) fn list(names: &[String], joint: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} {joint} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_turned_text_vanish_and_blanks_shrink() {
        assert_eq!(tidy("  Din\u{202e}ner\r\n\twith\u{7} Bob ", 80), "Dinner with Bob");
        assert_eq!(tidy("Din\u{61c}ner\u{2028}with\u{2029}Bob", 80), "Dinner with Bob");
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(tidy("ääää", 5), "ää");
        assert_eq!(tidy("ab cd", 3), "ab");
    }

    #[test]
    fn names_are_listed_as_a_person_would() {
        let names: Vec<String> = ["Bob", "Carol", "Dave"].map(String::from).to_vec();
        assert_eq!(list(&names[..1], "and"), "Bob");
        assert_eq!(list(&names[..2], "and"), "Bob and Carol");
        assert_eq!(list(&names, "or"), "Bob, Carol or Dave");
    }
}
