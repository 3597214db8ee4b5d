//! Who is meant.

use super::{
    tables,
    understand::Group,
    words::{Word, after, one_of, phrase, text_at, words},
};

/// Whom the text named so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct People {
    /// Everybody was meant.
    pub(super) everyone: bool,
    /// Contacts that were named, as the owner calls them, in order.
    pub(super) named: Vec<String>,
    /// Those of the named who may be missing.
    pub(super) optional: Vec<String>,
    /// Contacts that were named as not meant.
    pub(super) without: Vec<String>,
    /// Names nobody has, as they were written.
    pub(super) unknown: Vec<String>,
    /// A name that several contacts have, and those contacts.
    pub(super) unclear: Option<(String, Vec<String>)>,
    /// One of these is wanted, not all of them.
    pub(super) one_of: Vec<String>,
}

/// The contacts and groups, ready for comparing.
#[derive(Debug)]
pub(super) struct Names<'a> {
    contacts: Vec<(Vec<String>, &'a str)>,
    groups: Vec<(Vec<String>, &'a [String])>,
}

/// Contacts a place in the text may mean, and how many words name them.
struct Found<'a> {
    contacts: Vec<&'a str>,
    used: usize,
    /// They are the members of a group, and all of them are meant.
    is_group: bool,
}

impl<'a> Names<'a> {
    /// Takes the contacts' names apart. People choose how they are called, so a name that begins
    /// with an ordinary word, or that is a list, names nobody: whoever is called "Dinner" is not
    /// meant by it, and "Bob and Carol" are two. `is_word` tells ordinary words.
    pub(super) fn new(
        contacts: &'a [String],
        groups: &'a [Group],
        is_word: impl Fn(&[Word]) -> bool,
    ) -> Self {
        let is_list = |word: &Word| matches!(word.text.as_str(), "," | "and" | "or" | "plus");
        let is_name = |name: &&String| {
            let words = words(name);
            let known = tables::WORDS_TOO.contains(&text_at(&words, 0));
            !words.iter().any(is_list) && (known || !is_word(&words))
        };
        let contacts = contacts.iter().filter(is_name);
        let parts = |name: &str| words(name).into_iter().map(|word| word.text).collect();
        let names = contacts.map(|name| (parts(name), name.as_str()));
        let groups = groups.iter().map(|group| (parts(&group.name), group.members.as_slice()));
        Self {
            contacts: names.filter(|(parts, _): &(Vec<String>, _)| !parts.is_empty()).collect(),
            groups: groups
                .filter(|(parts, of): &(Vec<String>, &[String])| {
                    !parts.is_empty() && !of.is_empty()
                })
                .collect(),
        }
    }

    /// Whether a contact is named here.
    pub(super) fn stands(&self, words: &[Word]) -> bool {
        self.find(words).is_some()
    }

    /// The group that is named here, behind an article if there is one.
    fn group(&self, words: &[Word]) -> Option<Found<'a>> {
        let lead = one_of(words, &["the", "my", "our", "the whole"]).unwrap_or(0);
        let rest = after(words, lead);
        let stands = |parts: &[String]| {
            parts.len() <= rest.len()
                && parts.iter().zip(rest).all(|(part, word)| *part == word.text)
        };
        let found = self.groups.iter().filter(|(parts, _)| stands(parts));
        let (parts, members) = found.max_by_key(|(parts, _)| parts.len())?;
        let tail = usize::from(text_at(rest, parts.len()) == "group");
        Some(Found {
            contacts: members.iter().map(String::as_str).collect(),
            used: lead + parts.len() + tail,
            is_group: true,
        })
    }

    /// The contacts whose whole name stands here, or else whose first name does.
    fn find(&self, words: &[Word]) -> Option<Found<'a>> {
        let stands = |parts: &[String]| {
            parts.len() <= words.len()
                && parts.iter().zip(words).all(|(part, word)| *part == word.text)
        };
        let whole = self.contacts.iter().filter(|(parts, _)| stands(parts));
        if let Some(used) = whole.clone().map(|(parts, _)| parts.len()).max() {
            let contacts = whole.filter(|(parts, _)| parts.len() == used).map(|(_, name)| *name);
            return Some(Found { contacts: contacts.collect(), used, is_group: false });
        }
        let first = text_at(words, 0);
        let first_name = |parts: &Vec<String>| {
            let name = parts[0].split(['#', '@']).next().unwrap_or_default();
            !name.is_empty() && name == first
        };
        let found = self.contacts.iter().filter(|(parts, _)| first_name(parts));
        let contacts: Vec<&str> = found.map(|(_, name)| *name).collect();
        (!contacts.is_empty()).then_some(Found { contacts, used: 1, is_group: false })
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
        // A group needs its article where no "with" stands before it: many are called "Dinner".
        if one_of(words, &["the", "my", "our"]).is_some()
            && let Some(found) = names.group(words)
        {
            let used = found.used;
            self.add(words, found, false);
            return Some(used);
        }
        if let Some(lead) = one_of(words, tables::MAYBE)
            && names.find(after(words, lead)).is_some()
        {
            return Some(self.list(words, names, &is_fact, true));
        }
        let clear = !tables::WORDS_TOO.contains(&text_at(words, 0));
        let found = names.find(words).filter(|_| clear)?;
        let used = found.used;
        let tail = may_be_missing(after(words, used), &words[..used]);
        self.add(words, found, tail > 0);
        let choice = text_at(words, used) == "or" && names.find(after(words, used + 1)).is_some();
        if choice {
            self.choose(words, used + 2);
        }
        Some(used + tail)
    }

    /// One of several is wanted: that many words name them.
    fn choose(&mut self, words: &[Word], used: usize) {
        let said = words.iter().take(used).map(|word| word.raw.as_str());
        let said: Vec<&str> = said.filter(|word| !matches!(*word, "," | "or" | "and")).collect();
        if self.one_of.is_empty() {
            self.one_of = said.into_iter().map(str::to_owned).collect();
        }
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
        let mut end = 0;
        let mut maybe = false;
        let mut choice = false;
        loop {
            let lead = one_of(after(words, used), tables::MAYBE);
            let comma = |at: usize| usize::from(text_at(words, at) == ",");
            let lead = lead.map_or(0, |lead| lead + comma(used + lead));
            let rest = after(words, used + lead);
            let optional = maybe || lead > 0;
            let Some(one) = self.one(rest, names, is_fact, sure, end == 0, optional) else {
                // A joint without a person behind it belongs to what follows.
                return end;
            };
            maybe = optional;
            if choice {
                self.choose(words, used + lead + one);
            }
            end = used + lead + one;
            let joint = joint(after(words, end));
            choice = after(words, end).iter().take(joint).any(|word| word.text == "or");
            if joint == 0 {
                return end;
            }
            used = end + joint;
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
        maybe: bool,
    ) -> Option<usize> {
        if let Some(found) = names.find(words) {
            let used = found.used;
            let tail = may_be_missing(after(words, used), &words[..used]);
            self.add(words, found, maybe || tail > 0);
            return Some(used + tail);
        }
        if sure && let Some(found) = names.group(words) {
            let used = found.used;
            let tail = may_be_missing(after(words, used), &words[..used]);
            self.add(words, found, maybe || tail > 0);
            return Some(used + tail);
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
            self.add(after(words, lead), found, maybe);
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

    fn add(&mut self, words: &[Word], found: Found<'_>, maybe: bool) {
        match found.contacts[..] {
            _ if found.is_group => {
                for one in found.contacts {
                    push_new(&mut self.named, one);
                    if maybe {
                        push_new(&mut self.optional, one);
                    }
                }
            }
            [one] => {
                push_new(&mut self.named, one);
                if maybe {
                    push_new(&mut self.optional, one);
                }
            }
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

/// How many words join the next person of a list to those before.
fn joint(words: &[Word]) -> usize {
    let joint = |word: &&Word| matches!(word.text.as_str(), "," | "and" | "or" | "plus" | "also");
    words.iter().take(3).take_while(joint).count()
}

/// How many words say that the person before them may be missing: "if she can".
fn may_be_missing(words: &[Word], person: &[Word]) -> usize {
    let comma = usize::from(text_at(words, 0) == "," && text_at(words, 1) == "if");
    let rest = after(words, comma);
    let said = tables::IF_THEY_CAN.iter().filter_map(|wanted| {
        let Some((before, behind)) = wanted.split_once("* ") else {
            return phrase(rest, wanted);
        };
        let lead = phrase(rest, before.trim_end())?;
        let who = after(rest, lead);
        let named = who.len() >= person.len()
            && who.iter().zip(person).all(|(one, other)| one.text == other.text);
        let who_used = match named {
            true => person.len(),
            false => usize::from(tables::PRONOUNS.contains(&text_at(who, 0))),
        };
        let tail = phrase(after(who, who_used), behind)?;
        (who_used > 0).then_some(lead + who_used + tail)
    });
    said.max().map_or(0, |used| comma + used)
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
