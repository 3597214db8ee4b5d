//! What of the ledger belongs into a backup, and what becomes of it when it is restored.
//!
//! A backup holds who the owner's personas are, whom they know and what was said. It never holds
//! what must not exist twice: the ratchets of groups, signing slots of votes, and envelopes on
//! their way. Whoever restores is a new device: it asks to be let back into its groups, and it counts on from the
//! time of day, so that nothing the old copy ever counted is counted again.

use protocol::{
    identity::{ConversationId, MessageId, PersonaId},
    wire::DecodeError,
};

use crate::{
    conversations::{RejoinRow, rejoin},
    effect::Table,
    mandates,
    rows::{self, ConversationRow, MandateRow, PersonaRow},
};

/// The tables a backup has rows of. Of the others:
///
/// - Group, Vote: using their secrets or slots twice would break what they protect;
/// - Outbox, Inbox, Idempotency: envelopes are sealed by those ratchets;
/// - Invite, Approval, Task, Booking: the old copy may have acted on them since.
pub const KEPT: [Table; 8] = [
    Table::Identity,
    Table::Contact,
    Table::Card,
    Table::Conversation,
    Table::Message,
    Table::Receipt,
    Table::Audit,
    Table::File,
];

/// A persona and a conversation.
const CONVERSATION_KEY_BYTES: usize = 48;

/// Key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Whether a row of a kept table belongs into a backup: wishes for changes of a group are made
/// again by whoever has them still. Of files, the keys are kept and not the bytes: they are
/// fetched again from the others.
pub fn is_kept(table: Table, key: &[u8]) -> bool {
    match table {
        // And whether it was on the way back into it.
        Table::Conversation => key.len() == CONVERSATION_KEY_BYTES || rejoin::is_own_key(key),
        Table::File => key.first() == Some(&b'f'),
        _ => true,
    }
}

/// Whether a row is a persona, rather than something of one.
pub fn is_persona(table: Table, key: &[u8]) -> bool {
    table == Table::Identity && mandates::parse_key(key).is_none()
}

/// A row the restored node gets beside one of the backup: it asks to be let back into every
/// conversation that was open.
///
/// # Errors
/// As [`restored`].
pub fn beside(
    table: Table,
    key: &[u8],
    value: &[u8],
    now_ms: u64,
) -> Result<Option<Row>, DecodeError> {
    if table != Table::Conversation || key.len() != CONVERSATION_KEY_BYTES {
        return Ok(None);
    }
    let row: ConversationRow = rows::from_bytes(value)?;
    let (persona, conversation) = key.split_at(32);
    let asks = rows::to_bytes(&RejoinRow::new(now_ms));
    Ok(row.active.then(|| (rejoin::own_key(persona, conversation), asks)))
}

/// A row as the restored node gets it.
///
/// # Errors
/// [`DecodeError`]: the row is damaged, or of a newer version.
pub fn restored(
    table: Table,
    key: &[u8],
    value: Vec<u8>,
    now_ms: u64,
) -> Result<Vec<u8>, DecodeError> {
    match table {
        Table::Identity if mandates::parse_key(key).is_some() => {
            // The owner may have taken it back since. What was allowed is allowed anew.
            let mut row: MandateRow = rows::from_bytes(&value)?;
            row.revoked_at_ms.get_or_insert(now_ms);
            Ok(rows::to_bytes(&row))
        }
        Table::Identity => {
            let mut row: PersonaRow = rows::from_bytes(&value)?;
            // Newer than any card of the old copy, and with a package whose secret is here: the
            // session makes one when it has none.
            row.card_sequence = row.card_sequence.saturating_add(1).max(now_ms);
            row.key_package = Vec::new();
            // Its mandate is not restored.
            row.settings.auto_vote = false;
            Ok(rows::to_bytes(&row))
        }
        Table::Conversation if rejoin::is_own_key(key) => {
            let row: RejoinRow = rows::from_bytes(&value)?;
            Ok(match row {
                RejoinRow::Replaced { .. } => value,
                RejoinRow::Asking { .. } | RejoinRow::Back { .. } => {
                    rows::to_bytes(&RejoinRow::new(now_ms))
                }
            })
        }
        Table::Conversation => {
            let mut row: ConversationRow = rows::from_bytes(&value)?;
            let bad = || DecodeError::Malformed("key of a conversation".into());
            let (persona, conversation) = key.split_at_checked(32).ok_or_else(bad)?;
            let persona = PersonaId::from_slice(persona).ok_or_else(bad)?;
            let conversation = ConversationId::from_slice(conversation).ok_or_else(bad)?;
            row.active = false;
            // Who is added again goes on from here; each number names one message for ever.
            let last = row.next_seq.max(now_ms);
            row.previous = MessageId::derive(conversation, persona, last);
            row.next_seq = last.saturating_add(1);
            Ok(rows::to_bytes(&row))
        }
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{
        decision::{Mandate, Methods, Reach, SignedMandate, Topic},
        identity::PersonaKey,
    };

    use super::*;
    use crate::request::ConversationKind;

    #[test]
    fn nothing_that_must_not_exist_twice_is_kept() {
        for table in [Table::Group, Table::Vote, Table::Outbox, Table::Inbox] {
            assert!(!KEPT.contains(&table), "{table:?}");
        }
    }

    #[test]
    fn no_mandate_comes_back_from_a_backup() {
        let owner = PersonaKey::from_seed(&[1; 32]);
        let mandate = Mandate {
            number: 3,
            reach: Reach::Everywhere,
            topic: Topic::Times,
            methods: Methods::all(),
            granted_at_ms: 1,
            expires_at_ms: 1_000_000,
        };
        let key = rows::key(&[owner.id().as_bytes(), b"m", &3u64.to_be_bytes()]);
        let restore = |revoked_at_ms| {
            let signed = SignedMandate::sign(mandate, &owner);
            let value = rows::to_bytes(&MandateRow { signed, revoked_at_ms });
            let value = restored(Table::Identity, &key, value, 500).unwrap();
            rows::from_bytes::<MandateRow>(&value).unwrap().revoked_at_ms
        };
        assert_eq!(restore(None), Some(500));
        assert_eq!(restore(Some(7)), Some(7));
    }

    #[test]
    fn a_restored_conversation_waits_to_be_joined_and_counts_on_from_the_clock() {
        let (persona, conversation) = (PersonaId([1; 32]), ConversationId([2; 16]));
        let key = rows::key(&[persona.as_bytes(), conversation.as_bytes()]);
        let row = |next_seq| ConversationRow {
            kind: ConversationKind::Group,
            title: "Dinner".into(),
            creator: persona,
            created_at_ms: 1,
            active: true,
            next_seq,
            previous: MessageId([0; 16]),
            epochs: Vec::new(),
        };
        let restore = |next_seq, now_ms| {
            let value = rows::to_bytes(&row(next_seq));
            let value = restored(Table::Conversation, &key, value, now_ms).unwrap();
            rows::from_bytes::<ConversationRow>(&value).unwrap()
        };
        let first = restore(7, 1_000_000);
        assert!(!first.active && first.next_seq > 1_000_000);
        let beside = |active| {
            let value = rows::to_bytes(&ConversationRow { active, ..row(7) });
            beside(Table::Conversation, &key, &value, 1_000_000).unwrap()
        };
        let (asks, value) = beside(true).expect("it asks to be let back in");
        assert!(is_kept(Table::Conversation, &asks), "a backup of it would ask too");
        let again = restored(Table::Conversation, &asks, value.clone(), 1_000_000).unwrap();
        assert_eq!(again, value);
        assert_eq!(beside(false), None, "who was removed does not");
        let previous = MessageId::derive(conversation, persona, first.next_seq - 1);
        assert_eq!(first.previous, previous, "else others refuse the next message");
        // A backup of the restored node, and one of the old copy restored again later.
        assert!(restore(first.next_seq + 50, 1_000_001).next_seq > first.next_seq + 50);
        assert!(restore(7, 2_000_000).next_seq > first.next_seq + 50);
        let damaged = vec![1, 2, 3];
        assert!(restored(Table::Conversation, &key, damaged, 1).is_err());
    }
}
