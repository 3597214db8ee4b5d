//! Nobody signs twice, a proposal has one certificate, and a meeting lies where voters were free.

use std::collections::{BTreeMap, BTreeSet};

use engine::personas::TimeRange;
use engine::{Table, Write};
use protocol::{
    decision::{
        Certificate, Charter, Choice, Kind, Outcome, SignedMessage, SignedProposal, Statement,
        TrustAnchors, verify,
    },
    identity::{PersonaId, ProposalId},
    wire,
};

use super::Checkers;
use crate::{disk::Disk, world::World};

/// Everything anybody was seen to say in a decision, by proposal, signer and place: of honest
/// signers there is one body a place.
#[derive(Default)]
pub(crate) struct Statements {
    charters: BTreeMap<ProposalId, Charter>,
    said: BTreeMap<(ProposalId, u16, String), BTreeSet<Vec<u8>>>,
}

/// The parts of a key of the decision core's rows: whose, of which proposal, and the core's key.
fn core_key(key: &[u8]) -> Option<(PersonaId, ProposalId, &str)> {
    let (persona, rest) = key.split_at_checked(32)?;
    let (proposal, rest) = rest.split_at_checked(32)?;
    let (b'c', rest) = rest.split_first()? else { return None };
    let key = std::str::from_utf8(rest).ok()?;
    Some((PersonaId::from_slice(persona)?, ProposalId::from_slice(proposal)?, key))
}

/// The place of a statement that an honest signer fills once, as the core names it on disk; none
/// for what may be said again in other words.
fn place(statement: &Statement) -> Option<(String, Vec<u8>)> {
    Some(match statement {
        Statement::Ballot(ballot) => ("ballot".into(), wire::encode(ballot)),
        Statement::Held(held) if held.closed => ("held-closed".into(), wire::encode(held)),
        Statement::Held(_) | Statement::Evidence(_) => return None,
        Statement::Cut(cut) => (format!("cut/{}", cut.view), wire::encode(cut)),
        Statement::Notarize(vote) => (format!("notarize/{}", vote.view), wire::encode(vote)),
        Statement::Nullify(vote) => (format!("nullify/{}", vote.view), wire::encode(vote)),
        Statement::Finalize(vote) => (format!("finalize/{}", vote.view), wire::encode(vote)),
        Statement::Confirm(confirm) => ("confirm".into(), wire::encode(confirm)),
    })
}

impl Checkers {
    /// A row of a decision is about to be written.
    pub(super) fn on_vote_row(&mut self, disk: &Disk, writes: &[Write], key: &[u8], value: &[u8]) {
        let Some((me, id, core)) = core_key(key) else { return };
        if !core.starts_with("message/") {
            return;
        }
        let prefix = &key[..65];
        if self.charter(disk, writes, prefix, id).is_none() {
            return self.complain(format!("a message of {id} is stored before its proposal"));
        }
        let charter = &self.statements.charters[&id];
        let Ok(statement) = SignedMessage::from_bytes(value)
            .map_err(|error| error.to_string())
            .and_then(|message| message.open(charter).map_err(|error| error.to_string()))
        else {
            return self.complain(format!("a stored message of {id} does not hold"));
        };
        let Some((place, body)) = place(&statement) else { return };
        let signer = statement.signer();
        if charter.member(signer) == Some(&me) {
            let claim = [prefix, b"slot/", place.as_bytes()].concat();
            let kind = statement_kind(&statement);
            let claimed = [&[kind as u8][..], &body].concat();
            if disk.row(Table::Vote, &claim) != Some(&claimed[..]) {
                self.complain(format!("{place} of {id} was signed before its claim was on disk"));
            }
        }
        let said = self.statements.said.entry((id, signer, place.clone())).or_default();
        said.insert(body);
        if said.len() > 1 {
            self.complain(format!("member {signer} signed two different {place} of {id}"));
        }
    }

    fn charter(
        &mut self,
        disk: &Disk,
        writes: &[Write],
        prefix: &[u8],
        id: ProposalId,
    ) -> Option<()> {
        if self.statements.charters.contains_key(&id) {
            return Some(());
        }
        let row = |name: &[u8]| {
            let key = [prefix, name].concat();
            let fresh = writes.iter().find(|write| write.table == Table::Vote && write.key == key);
            let fresh = fresh.and_then(|write| write.value().map(<[u8]>::to_vec));
            fresh.or_else(|| disk.row(Table::Vote, &key).map(<[u8]>::to_vec))
        };
        if let Some(hidden) = row(b"hidden") {
            let charter = Charter::revealing(&Certificate::from_bytes(&hidden).ok()?)?;
            self.statements.charters.insert(id, charter);
            return Some(());
        }
        let proposal = SignedProposal::from_bytes(&row(b"proposal")?).ok()?;
        let electorate: Vec<PersonaId> = wire::decode(&row(b"electorate")?, 64 * 1024).ok()?;
        self.statements.charters.insert(id, Charter::new(&proposal, electorate).ok()?);
        Some(())
    }
}

fn statement_kind(statement: &Statement) -> Kind {
    statement.kind()
}

/// A decision as one persona's disk has it.
struct Standing {
    persona: PersonaId,
    proposal: ProposalId,
    certificates: Vec<Certificate>,
}

impl World<'_> {
    fn standings(&self) -> Vec<Standing> {
        let mut found: BTreeMap<(PersonaId, ProposalId), Vec<Certificate>> = BTreeMap::new();
        for node in &self.nodes {
            for (key, value) in node.disk.under(Table::Vote, b"") {
                let Some((persona, proposal, core)) = core_key(key) else { continue };
                let certificates = found.entry((persona, proposal)).or_default();
                if core.starts_with("certificate/") {
                    certificates.extend(Certificate::from_bytes(value).ok());
                }
            }
        }
        let standing =
            |((persona, proposal), certificates)| Standing { persona, proposal, certificates };
        found.into_iter().map(standing).collect()
    }

    /// How many proposals have a certificate.
    pub(crate) fn certified(&self) -> usize {
        let standings = self.standings();
        let certified = standings.iter().filter(|standing| !standing.certificates.is_empty());
        certified.map(|standing| standing.proposal).collect::<BTreeSet<_>>().len()
    }

    pub(super) fn judge_decisions(&self) -> Vec<String> {
        let mut amiss = Vec::new();
        let standings = self.standings();
        let mut digests: BTreeMap<ProposalId, [u8; 32]> = BTreeMap::new();
        let trust: TrustAnchors = self.people.iter().filter_map(|person| person.id).collect();
        for standing in &standings {
            let id = standing.proposal;
            for certificate in &standing.certificates {
                let digest = *digests.entry(id).or_insert(certificate.digest());
                if digest != certificate.digest() {
                    amiss.push(format!("{id} has two different certificates"));
                }
                if !verify(certificate, &trust).is_valid() {
                    amiss.push(format!("a certificate of {id} is not valid"));
                }
            }
        }
        for (id, charter) in &self.checkers.statements.charters {
            let group = charter.proposal().group;
            for elector in charter.electorate() {
                let has = standings.iter().any(|standing| {
                    standing.proposal == *id
                        && standing.persona == *elector
                        && !standing.certificates.is_empty()
                });
                if !has && !self.names.removed.contains(&(group, *elector)) {
                    let person = self.people.iter().find(|person| person.id == Some(*elector));
                    let name = person.map_or("nobody", |person| person.name);
                    amiss.push(format!("{name} has no certificate of {id}"));
                }
            }
        }
        amiss
    }

    /// A meeting lies where everyone who voted for it, and whoever booked it, was free.
    pub(super) fn judge_bookings(&self) -> Vec<String> {
        let mut amiss = Vec::new();
        let standings = self.standings();
        for person in &self.people {
            for (index, booking) in person.diary.booked.iter().enumerate() {
                let earlier = person.diary.booked[..index].iter();
                let twice = earlier.into_iter().any(|other| other.range.overlaps(&booking.range));
                if twice || person.diary.was_busy(&booking.range) {
                    amiss.push(format!("{} booked a time that was taken", person.name));
                }
                let certificate = standings
                    .iter()
                    .filter(|standing| standing.proposal.to_string() == booking.decision)
                    .find_map(|standing| standing.certificates.first());
                match certificate {
                    None => amiss.push(format!("{} booked what nobody decided", person.name)),
                    Some(certificate) => {
                        amiss.extend(self.judge_voters(certificate, &booking.range));
                    }
                }
            }
        }
        amiss
    }

    /// Whoever may book alone and was free has booked what was decided, and its task says so.
    pub(super) fn judge_tasks(&self) -> Vec<String> {
        let mut amiss = Vec::new();
        for standing in self.standings() {
            let Some(certificate) = standing.certificates.first() else { continue };
            let Some(slot) = slot_of(certificate) else { continue };
            let person = self.people.iter().find(|person| person.id == Some(standing.persona));
            let Some(person) = person else { continue };
            let id = standing.proposal.to_string();
            let booked = person.diary.booked.iter().any(|booking| booking.decision == id);
            if !booked && !person.diary.was_busy(&slot) {
                amiss.push(format!("{} has not booked what was decided", person.name));
            }
        }
        for person in 0..self.people.len() {
            for task in self.tasks(person) {
                let result = task.result.unwrap_or_default();
                if result.contains("nobody answered") || result.contains("not in the calendar") {
                    amiss.push(format!("{}'s task came to: {result}", self.people[person].name));
                }
            }
        }
        amiss
    }

    fn judge_voters(&self, certificate: &Certificate, slot: &TimeRange) -> Vec<String> {
        let mut amiss = Vec::new();
        for record in &certificate.content().ballots {
            let voter = certificate.roster().get(usize::from(record.ballot.voter)).copied();
            let person = self.people.iter().find(|person| person.id == voter);
            let Some(person) = person else {
                amiss.push("a ballot of nobody".into());
                continue;
            };
            let Choice::Approve(_) = record.ballot.choice else { continue };
            if person.diary.was_busy(slot) {
                amiss.push(format!("{} was busy at the time agreed on", person.name));
            }
        }
        amiss
    }
}

/// The time a certificate chose, if it is about times.
fn slot_of(certificate: &Certificate) -> Option<TimeRange> {
    let Outcome::Winners { options, .. } = &certificate.result().outcome else { return None };
    let option = certificate.proposal().options.get(usize::from(*options.first()?))?;
    let (start, end) = option.split_once('/')?;
    let instant = |text: &str| {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(timestamp.as_millisecond()).ok()
    };
    Some(TimeRange { start_ms: instant(start)?, end_ms: instant(end)? })
}
