//! Finding messages by their words: a look at them newest first, in bounded steps.
//!
//! There is no index. Whatever an index holds of a message would have to be found again to be
//! deleted with it, edits would leave words behind that are said no more, and it would tell more to
//! whoever breaks the disk's seal. The messages themselves are all there is, so what is deleted or
//! edited away is found no more, and what was said before there was a search is found as well.
//!
//! One step looks at [`LOOKED_AT_MAX`] messages and says where the next begins, so that nobody else
//! waits long for the engine.

use std::{
    collections::{BTreeSet, BinaryHeap, VecDeque},
    ops::Range,
};

use protocol::identity::{ConversationId, PersonaId};

use crate::{
    about::is_said,
    effect::{Ledger, Table},
    persona::invalid,
    query::{Around, read_row},
    request::{Reply, RequestError},
    rows::{self, MessageRow},
    state::Engine,
    view::{ExcerptPart, HitView},
};

/// Messages looked at in one step.
pub const LOOKED_AT_MAX: usize = 512;
/// Hits in one step, at most.
const HITS_MAX: usize = 50;
/// The longest question, in bytes.
const QUESTION_BYTES_MAX: usize = 256;
/// Words in one question, at most.
const WORDS_MAX: usize = 8;
/// Characters shown before the first hit, and altogether.
const BEFORE_CHARS: usize = 48;
const EXCERPT_CHARS: usize = 200;

/// What is looked for: every word, the last of them by its beginning.
#[derive(Debug)]
pub(crate) struct Wanted(Vec<String>);

impl Wanted {
    /// Reads a question; case does not matter, nor what stands between words.
    pub(crate) fn parse(question: &str) -> Result<Self, RequestError> {
        if question.len() > QUESTION_BYTES_MAX {
            return Err(invalid("q", &format!("at most {QUESTION_BYTES_MAX} bytes")));
        }
        let words: Vec<String> =
            words(question).map(|place| question[place].to_lowercase()).collect();
        match words.len() {
            1..=WORDS_MAX => Ok(Self(words)),
            _ => Err(invalid("q", &format!("1 to {WORDS_MAX} words"))),
        }
    }

    /// Where the words stand in a text that has all of them.
    fn hits(&self, text: &str) -> Option<Vec<Range<usize>>> {
        let last = self.0.len() - 1;
        let mut found = vec![false; self.0.len()];
        let mut hits = Vec::new();
        for place in words(text) {
            let word = text[place.clone()].to_lowercase();
            let fits = |index: usize, wanted: &str| {
                // Where no spaces stand between words, a word may begin anywhere.
                let unspaced = wanted.starts_with(is_unspaced) && word.contains(wanted);
                unspaced || word == wanted || (index == last && word.starts_with(wanted))
            };
            let mut hit = false;
            for (index, wanted) in self.0.iter().enumerate() {
                if fits(index, wanted) {
                    (found[index], hit) = (true, true);
                }
            }
            if hit {
                hits.push(place);
            }
        }
        found.iter().all(|found| *found).then_some(hits)
    }
}

/// The places of the words of a text: runs of letters and digits, with the marks on them.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut letters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        while letters.next_if(|(_, c)| !c.is_alphanumeric()).is_some() {}
        let (start, _) = *letters.peek()?;
        let mut end = start;
        while let Some((at, c)) = letters.next_if(|(_, c)| c.is_alphanumeric() || is_mark(*c)) {
            end = at + c.len_utf8();
        }
        Some(start..end)
    })
}

/// Accents that follow their letter.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Thai, kana and Chinese characters.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// The part of a text around its first hit, cut so that hits stand out.
fn excerpt(text: &str, hits: &[Range<usize>]) -> Vec<ExcerptPart> {
    let first = hits.first().map_or(0, |hit| hit.start);
    let back = text[..first].char_indices().rev().nth(BEFORE_CHARS - 1).map_or(0, |(at, _)| at);
    let end =
        text[back..].char_indices().nth(EXCERPT_CHARS).map_or(text.len(), |(at, _)| back + at);
    let mut parts = Vec::new();
    let mut push = |range: Range<usize>, hit| {
        if !range.is_empty() {
            parts.push(ExcerptPart { text: text[range].to_owned(), hit });
        }
    };
    let mut at = back;
    for hit in hits.iter().filter(|hit| hit.end <= end) {
        push(at..hit.start, false);
        push(hit.clone(), true);
        at = hit.end;
    }
    push(at..end, false);
    parts
}

/// The rows of one conversation, newest first, read in batches.
struct Rows {
    conversation: ConversationId,
    prefix: Vec<u8>,
    next: Option<Vec<u8>>,
    batch: VecDeque<(u64, Vec<u8>)>,
}

impl Rows {
    fn new(conversation: ConversationId, before: Option<u64>) -> Self {
        let prefix = rows::key(&[b"m", conversation.as_bytes()]);
        let next = before.map(|place| [&prefix[..], &place.to_be_bytes()].concat());
        Self { conversation, prefix, next, batch: VecDeque::new() }
    }

    /// The place of the newest row that was not taken yet.
    fn place(&mut self, ledger: &dyn Ledger, batch: usize) -> Option<u64> {
        if self.batch.is_empty() {
            let found = ledger.newest(Table::Message, &self.prefix, self.next.as_deref(), batch);
            self.next = found.last().map(|(key, _)| key.clone());
            let place = |key: &[u8]| {
                let place = key.get(self.prefix.len()..)?.try_into().ok()?;
                Some(u64::from_be_bytes(place))
            };
            let found = found.into_iter().filter_map(|(key, row)| Some((place(&key)?, row)));
            self.batch.extend(found);
        }
        self.batch.front().map(|(place, _)| *place)
    }
}

impl Engine {
    /// Looks at some messages, from the newest or from a place on.
    pub(crate) fn search(
        &self,
        ledger: &dyn Ledger,
        persona: Option<PersonaId>,
        conversation: Option<ConversationId>,
        question: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Reply, RequestError> {
        let wanted = Wanted::parse(question)?;
        let limit = limit.clamp(1, HITS_MAX);
        let here: BTreeSet<ConversationId> = self
            .conversations
            .keys()
            .filter(|(me, id)| {
                persona.is_none_or(|p| p == *me) && conversation.is_none_or(|c| c == *id)
            })
            .map(|(_, id)| *id)
            .collect();
        if conversation.is_some() && here.is_empty() {
            return Err(RequestError::NotFound { what: "conversation" });
        }
        self.look_through(ledger, here, &wanted, before, limit)
    }

    fn look_through(
        &self,
        ledger: &dyn Ledger,
        here: BTreeSet<ConversationId>,
        wanted: &Wanted,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Reply, RequestError> {
        let batch = (LOOKED_AT_MAX / here.len().max(1)).clamp(4, 128);
        let mut sources: Vec<Rows> = here.into_iter().map(|id| Rows::new(id, before)).collect();
        let mut queue: BinaryHeap<(u64, usize)> = BinaryHeap::new();
        for (index, source) in sources.iter_mut().enumerate() {
            queue.extend(source.place(ledger, batch).map(|place| (place, index)));
        }
        let (mut hits, mut looked_at, mut last) = (Vec::new(), 0, None);
        while let Some((place, index)) = queue.pop() {
            if looked_at == LOOKED_AT_MAX || hits.len() == limit {
                return Ok(Reply::Found { hits, next: last });
            }
            let source = &mut sources[index];
            if let Some((_, value)) = source.batch.pop_front() {
                hits.extend(self.look_at(ledger, source.conversation, wanted, &value)?);
            }
            (last, looked_at) = (Some(place), looked_at + 1);
            queue.extend(source.place(ledger, batch).map(|place| (place, index)));
        }
        Ok(Reply::Found { hits, next: None })
    }

    fn look_at(
        &self,
        ledger: &dyn Ledger,
        conversation: ConversationId,
        wanted: &Wanted,
        value: &[u8],
    ) -> Result<Option<HitView>, RequestError> {
        let row: MessageRow = read_row(value)?;
        if !is_said(row.message.content.kind) {
            return Ok(None);
        }
        let id = row.message.id;
        // What was deleted has no text any more.
        let (kind, text) = Around::read(ledger, &row).describe(&row);
        Ok(wanted.hits(&text).map(|hits| HitView {
            id,
            conversation,
            author: row.author,
            author_name: self.name_of(&row.author),
            ours: self.personas.contains_key(&row.author),
            sent_at_ms: row.message.sent_at_ms,
            kind,
            excerpt: excerpt(&text, &hits),
        }))
    }
}

#[cfg(test)]
mod tests;
