//! Unmistakable words, and the search for them in every disguise bytes usually wear.

use std::{
    fs,
    path::{Path, PathBuf},
};

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

/// Words that stand nowhere else, and what they look like in other spellings.
pub struct Planted {
    words: String,
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Planted {
    /// Words for one use, told apart by `mark` and by a number nobody else draws.
    pub fn new(mark: &str, number: u64) -> Self {
        let words = format!("xylophone-{mark}-{number:016x}");
        let bytes = words.as_bytes();
        let utf16 = |unit: fn(u16) -> [u8; 2]| words.encode_utf16().flat_map(unit).collect();
        let mut forms = vec![
            ("as it is", bytes.to_vec()),
            ("UTF-16, little end first", utf16(u16::to_le_bytes)),
            ("UTF-16, big end first", utf16(u16::to_be_bytes)),
            ("hexadecimal", HEXLOWER.encode(bytes).into_bytes()),
            ("hexadecimal, upper case", HEXUPPER.encode(bytes).into_bytes()),
            ("base32", BASE32_NOPAD.encode(&bytes[..bytes.len() / 5 * 5]).into_bytes()),
            ("a list of numbers", format!("{bytes:?}").replace(['[', ']'], "").into_bytes()),
            (
                "a list of numbers without spaces",
                format!("{bytes:?}").replace(['[', ']', ' '], "").into_bytes(),
            ),
            ("backwards", bytes.iter().rev().copied().collect()),
        ];
        // Base64 looks different depending on how many bytes come before: drop those that share
        // a group of three with bytes that are not ours.
        for skip in 0..3 {
            let whole = (bytes.len() - skip) / 3 * 3;
            let middle = &bytes[skip..skip + whole];
            forms.push(("base64", BASE64_NOPAD.encode(middle).into_bytes()));
            forms.push(("base64 for URLs", BASE64URL_NOPAD.encode(middle).into_bytes()));
        }
        Self { words, forms }
    }

    /// The words as people read them.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// In which form the words stand in some bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<&'static str> {
        let mut begins = [false; 256];
        for (_, form) in &self.forms {
            begins[usize::from(form[0])] = true;
        }
        let candidates = bytes.iter().enumerate().filter(|(_, byte)| begins[usize::from(**byte)]);
        for (at, _) in candidates {
            for (name, form) in &self.forms {
                if bytes[at..].starts_with(form) {
                    return Some(name);
                }
            }
        }
        None
    }

    /// Every form, by name.
    pub fn forms(&self) -> &[(&'static str, Vec<u8>)] {
        &self.forms
    }
}

/// Every file under a folder.
///
/// # Errors
/// The disk's.
pub fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_found_in_every_form_and_at_every_place() {
        let planted = Planted::new("test", 7);
        for (name, form) in planted.forms() {
            for before in 0..4 {
                let mut bytes = vec![b'x'; before];
                bytes.extend(form);
                bytes.extend(b"tail");
                assert!(planted.find(&bytes).is_some(), "{name} after {before} bytes");
            }
        }
        for before in 0..4 {
            let text = format!("{}{} and more", "-".repeat(before), planted.words());
            let encoded = BASE64_NOPAD.encode(text.as_bytes());
            assert_eq!(planted.find(encoded.as_bytes()), Some("base64"), "{before}");
        }
        assert_eq!(planted.find(b"xylophone-test-0000000000000008"), None);
    }
}
