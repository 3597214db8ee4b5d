//! The people of the demo, each with a persona.

/// Somebody who runs a node.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// What everyone calls them, and their persona.
    pub(super) name: String,
    /// Where they live.
    pub(super) zone: &'static str,
}

const NAMES: [(&str, &str); 10] = [
    ("Alice", "Europe/London"),
    ("Bob", "Europe/Berlin"),
    ("Carol", "Europe/Madrid"),
    ("Dave", "Europe/Lisbon"),
    ("Erin", "Europe/Paris"),
    ("Frank", "Europe/Rome"),
    ("Grace", "Europe/Dublin"),
    ("Heidi", "Europe/Vienna"),
    ("Ivan", "Europe/Prague"),
    ("Judy", "Europe/Amsterdam"),
];

/// The first so many owners; from the eleventh on they are Alice's namesakes.
pub(super) fn owners(count: usize) -> Vec<Owner> {
    (0..count)
        .map(|index| {
            let (name, zone) = NAMES[index % NAMES.len()];
            let name = match index / NAMES.len() {
                0 => name.to_owned(),
                round => format!("{name}{}", round + 1),
            };
            Owner { name, zone }
        })
        .collect()
}
