//! Who is meant.

use super::{
    tables,
    words::{Word, after, one_of, text_at, words},
};

/// Whom the text named so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct People {
    /// Everybody was meant.
    pub(super) everyone: bool,
    /// Contacts that were named, as the owner calls them, in order.
    pub(super) named: Vec<String>,
    /// Contacts that were named as not meant.
    pub(super) without: Vec<String>,
    /// Names nobody has, as they were written.
    pub(super) unknown: Vec<String>,
    /// A name that several contacts have, and those contacts.
    pub(super) unclear: Option<(String, Vec<String>)>,
}

/// The contacts, ready for comparing.
#[derive(Debug)]
pub(super) struct Names<'a>(Vec<(Vec<String>, &'a str)>);

/// Contacts a place in the text may mean, and how many words name them.
struct Found<'a> {
    contacts: Vec<&'a str>,
    used: usize,
}

impl<'a> Names<'a> {
    /// Takes the contacts' names apart.
    pub(super) fn new(contacts: &'a [String]) -> Self {
        let parts = |name: &str| words(name).into_iter().map(|word| word.text).collect();
        let names = contacts.iter().map(|name| (parts(name), name.as_str()));
        Self(names.filter(|(parts, _): &(Vec<String>, _)| !parts.is_empty()).collect())
    }

    /// The contacts whose whole name stands here, or else whose first name does.
    fn find(&self, words: &[Word]) -> Option<Found<'a>> {
        let stands = |parts: &[String]| {
            parts.len() <= words.len()
                && parts.iter().zip(words).all(|(part, word)| *part == word.text)
        };
        let whole = self.0.iter().filter(|(parts, _)| stands(parts));
        if let Some(used) = whole.clone().map(|(parts, _)| parts.len()).max() {
            let contacts = whole.filter(|(parts, _)| parts.len() == used).map(|(_, name)| *name);
            return Some(Found { contacts: contacts.collect(), used });
        }
        let first = text_at(words, 0);
        let first_name = |parts: &Vec<String>| {
            let name = parts[0].split(['#', '@']).next().unwrap_or_default();
            !name.is_empty() && name == first
        };
        let contacts = self.0.iter().filter(|(parts, _)| first_name(parts)).map(|(_, name)| *name);
        let contacts: Vec<&str> = contacts.collect();
        (!contacts.is_empty()).then_some(Found { contacts, used: 1 })
    }
}

impl People {
    /// Reads people at this place, and says how many words that took. `is_fact` tells whether
    /// words mean something else, so that no name begins there.
    pub(super) fn read(
        &mut self,
        words: &[Word],
        names: &Names<'_>,
        is_fact: impl Fn(&[Word]) -> bool,
    ) -> Option<usize> {
        if let Some(lead) = one_of(words, tables::WITHOUT)
            && let Some(found) = names.find(after(words, lead))
        {
            return Some(lead + self.leave_out(after(words, lead), names, found));
        }
        if let Some(lead) = one_of(words, tables::WITH) {
            return Some(lead + self.list(after(words, lead), names, &is_fact, true));
        }
        if let Some(used) = one_of(words, tables::EVERYONE_ANYWHERE) {
            self.everyone = true;
            return Some(used);
        }
        if let Some(lead) = one_of(words, tables::MAYBE_WITH) {
            let used = self.list(after(words, lead), names, &is_fact, false);
            // The word before the names may mean something too: "call Bob".
            return (used > 0 && text_at(words, 0) == "for").then_some(lead + used);
        }
        let clear = !tables::WORDS_TOO.contains(&text_at(words, 0));
        let found = names.find(words).filter(|_| clear)?;
        let used = found.used;
        self.add(words, found);
        Some(used)
    }

    /// A list of people: "Bob, Carol and the others". Where `sure`, a word that nobody is called
    /// by is a name all the same; else only when it looks like one.
    fn list(
        &mut self,
        words: &[Word],
        names: &Names<'_>,
        is_fact: &impl Fn(&[Word]) -> bool,
        sure: bool,
    ) -> usize {
        let mut used = 0;
        let mut first = true;
        loop {
            let rest = after(words, used);
            let one = self.one(rest, names, is_fact, sure, first);
            let Some(one) = one else {
                // A joint without a person behind it belongs to what follows.
                return used.saturating_sub(usize::from(!first));
            };
            used += one;
            let mut joint = usize::from(text_at(words, used) == ",");
            joint += usize::from(matches!(text_at(words, used + joint), "and" | "or" | "plus"));
            if joint == 0 {
                return used;
            }
            // Of ", and" one word is put back if no person follows: readers skip the other.
            used += joint;
            first = false;
        }
    }

    /// One person of a list.
    fn one(
        &mut self,
        words: &[Word],
        names: &Names<'_>,
        is_fact: &impl Fn(&[Word]) -> bool,
        sure: bool,
        first: bool,
    ) -> Option<usize> {
        if let Some(found) = names.find(words) {
            let used = found.used;
            self.add(words, found);
            return Some(used);
        }
        let everyone = if sure { tables::EVERYONE } else { tables::EVERYONE_ANYWHERE };
        if let Some(used) = one_of(words, everyone) {
            self.everyone = true;
            return Some(used);
        }
        if tables::SELF.contains(&text_at(words, 0)) {
            return Some(1);
        }
        let lead = one_of(words, tables::BEFORE_NAMES);
        if let Some(lead) = lead
            && let Some(found) = names.find(after(words, lead))
        {
            let used = lead + found.used;
            self.add(after(words, lead), found);
            return Some(used);
        }
        let my = usize::from(matches!(text_at(words, 0), "my" | "our"));
        let word = words.get(my)?;
        let never = tables::NEVER_NAMES.contains(&word.text.as_str());
        let name_like = word.text.chars().next().is_some_and(char::is_alphabetic);
        if never || !name_like || is_fact(after(words, my)) {
            return None;
        }
        // "with bob" is a name in any case; "and tell me" is one only with a capital.
        if !(word.is_capitalised() || (sure && first) || (sure && ends_list(words, my + 1))) {
            return None;
        }
        let mut used = my + 1;
        let mut name: Vec<&str> = words[..used].iter().map(|word| word.raw.as_str()).collect();
        while word.is_capitalised()
            && words.get(used).is_some_and(|next| next.is_capitalised() && !never_name(next))
            && !is_fact(after(words, used))
            && names.find(after(words, used)).is_none()
        {
            name.push(&words[used].raw);
            used += 1;
        }
        self.unknown.push(name.join(" "));
        Some(used)
    }

    fn add(&mut self, words: &[Word], found: Found<'_>) {
        match found.contacts[..] {
            [one] => push_new(&mut self.named, one),
            ref several => {
                let said: Vec<&str> =
                    words.iter().take(found.used).map(|word| word.raw.as_str()).collect();
                let several = several.iter().map(|name| (*name).to_owned()).collect();
                self.unclear.get_or_insert((said.join(" "), several));
            }
        }
    }

    fn leave_out(&mut self, words: &[Word], names: &Names<'_>, found: Found<'_>) -> usize {
        let mut used = 0;
        let mut next = Some(found);
        while let Some(found) = next {
            used += found.used;
            for contact in found.contacts {
                push_new(&mut self.without, contact);
            }
            let joint = one_of(after(words, used), &["and", ",", "or", ", and"]).unwrap_or(0);
            next = names.find(after(words, used + joint)).filter(|_| joint > 0);
            used += if next.is_some() { joint } else { 0 };
        }
        used
    }
}

fn never_name(word: &Word) -> bool {
    tables::NEVER_NAMES.contains(&word.text.as_str())
}

/// Whether a list may end before this place, so that the word before it was the last name.
fn ends_list(words: &[Word], at: usize) -> bool {
    words.get(at).is_none_or(|next| never_name(next) && next.text != "the")
}

fn push_new(list: &mut Vec<String>, name: &str) {
    if !list.iter().any(|known| known == name) {
        list.push(name.to_owned());
    }
}
