//! What a file may be called. A name is a label for people and never a path: files lie on the disk
//! under their [`crate::identity::FileId`].

/// The longest name, in bytes: what common file systems take when its owner saves it.
pub const NAME_BYTES_MAX: usize = 255;

/// What stands for a name of which nothing is left.
const UNNAMED: &str = "file";

/// Whether a name can be shown and offered for saving: no control characters, no separators of
/// paths, nothing that changes the direction of text, not only dots.
pub fn is_clean_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.chars().all(is_clean)
        && !name.chars().all(|c| c == '.')
        && name.trim() == name
}

/// A clean name as close to this one as can be: the part behind the last separator, without what
/// is not allowed, cut at the end while the extension stays.
pub fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| is_clean(*c)).collect();
    let kept = kept.trim();
    let kept = if kept.chars().all(|c| c == '.') { UNNAMED } else { kept };
    let (stem, extension) = match kept.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 16 => {
            (stem, format!(".{extension}"))
        }
        _ => (kept, String::new()),
    };
    let mut end = stem.len().min(NAME_BYTES_MAX - extension.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let cleaned = format!("{}{extension}", stem[..end].trim());
    if is_clean_name(&cleaned) { cleaned } else { UNNAMED.to_owned() }
}

fn is_clean(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '/' | '\\' | '\u{fffd}' | '\u{feff}')
        // Marks and overrides of direction, and the separators of lines and paragraphs.
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_look_like_paths() {
        for (given, expected) in [
            ("photo.jpg", "photo.jpg"),
            ("../../etc/passwd", "passwd"),
            ("/etc/shadow", "shadow"),
            ("C:\\Windows\\system32\\evil.exe", "evil.exe"),
            ("..", "file"),
            (".", "file"),
            ("", "file"),
            ("a/", "file"),
            ("  spaced.txt ", "spaced.txt"),
            ("tab\there\n.txt", "tabhere.txt"),
            ("nul\0.png", "nul.png"),
            ("invoice\u{202e}gpj.exe", "invoicegpj.exe"),
            (".hidden", ".hidden"),
            ("Kaffee & Kuchen – süß.pdf", "Kaffee & Kuchen – süß.pdf"),
        ] {
            assert_eq!(clean_name(given), expected, "{given:?}");
            assert!(is_clean_name(expected), "{expected:?}");
            assert_eq!(is_clean_name(given), given == expected, "{given:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let long = format!("{}.jpeg", "ü".repeat(400));
        let clean = clean_name(&long);
        assert!(clean.len() <= NAME_BYTES_MAX && clean.ends_with("ü.jpeg"), "{clean}");
        assert!(is_clean_name(&clean_name(&"x.".repeat(400))));
        assert!(is_clean_name(&clean_name(&format!("a.{}", "x".repeat(400)))));
    }
}
