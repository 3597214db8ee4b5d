//! The files of known answers in `protocol/spec/vectors/`.

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use serde_json::Value;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("spec/vectors/{name}.json"))
}

pub(crate) fn vectors(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

pub(crate) fn write(name: &str, vectors: &Value) {
    std::fs::write(path(name), serde_json::to_string_pretty(vectors).unwrap() + "\n").unwrap();
}

/// Fails where the code makes other bytes than the file has, and names the first such case.
pub(crate) fn assert_unchanged(name: &str, made: &Value) {
    let published = vectors(name);
    for (section, made) in made.as_object().unwrap() {
        let published = &published[section];
        if let (Some(made), Some(published)) = (made.as_array(), published.as_array()) {
            for (made, published) in made.iter().zip(published) {
                assert_eq!(made, published, "{name}.json, {section}");
            }
        }
        assert_eq!(made, published, "{name}.json, {section}");
    }
    assert_eq!(*made, published, "{name}.json");
}

pub(crate) fn cases<'a>(file: &'a Value, name: &str) -> &'a [Value] {
    let cases = file[name].as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

pub(crate) fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

pub(crate) fn bytes(case: &Value, field: &str) -> Vec<u8> {
    HEXLOWER.decode(text(case, field).as_bytes()).unwrap()
}

pub(crate) fn array<const N: usize>(case: &Value, field: &str) -> [u8; N] {
    bytes(case, field).try_into().unwrap()
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}
