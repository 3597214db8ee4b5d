//! Names of the rows a decision keeps on disk.

use crate::decision::{Digest, Kind, Slot, Statement, evidence::Offence};

pub(super) const PROPOSAL: &str = "proposal";
/// In place of these two, the certificate the second half of a hidden vote begins with.
pub(super) const HIDDEN: &str = "hidden";
/// When we began to reveal.
pub(super) const BEGAN: &str = "began";
/// What we committed to.
pub(super) const SECRET: &str = "secret";
pub(super) const ELECTORATE: &str = "electorate";
pub(super) const CERTIFICATE: &str = "certificate/";
pub(super) const EVIDENCE: &str = "evidence/";
pub(super) const SLOT: &str = "slot/";
pub(super) const VALUE: &str = "value/";

fn short(digest: &Digest) -> String {
    data_encoding::HEXLOWER.encode(&digest[..16])
}

/// Where messages of a kind lie.
pub(super) fn messages(kind: Kind) -> String {
    format!("message/{:02}/", kind as u8)
}

/// Where this accepted message lies. A newer open list of a sealer replaces the older.
pub(super) fn message(statement: &Statement, digest: &Digest) -> String {
    let place = match statement {
        Statement::Ballot(ballot) => format!("{:04x}/{}", ballot.voter, short(digest)),
        Statement::Held(held) if held.closed => format!("{:04x}/closed", held.sealer),
        Statement::Held(held) => format!("{:04x}/open", held.sealer),
        Statement::Cut(cut) => format!("{:04x}/{}", cut.view, short(digest)),
        Statement::Notarize(vote) | Statement::Finalize(vote) => {
            format!("{:04x}/{:04x}/{}", vote.view, vote.sealer, short(&vote.value))
        }
        Statement::Nullify(nullify) => format!("{:04x}/{:04x}", nullify.view, nullify.sealer),
        Statement::Confirm(confirm) => format!("{:04x}/{}", confirm.sealer, short(&confirm.value)),
        Statement::Evidence(report) => format!("{:04x}/{}", report.reporter, short(digest)),
    };
    format!("{}{place}", messages(statement.kind()))
}

/// Where the claim of a slot lies.
pub(super) fn slot(slot: Slot) -> String {
    let name = match slot {
        Slot::Ballot => "ballot".into(),
        Slot::HeldOpen => "held-open".into(),
        Slot::HeldClosed => "held-closed".into(),
        Slot::Cut(view) => format!("cut/{view}"),
        Slot::Notarize(view) => format!("notarize/{view}"),
        Slot::Nullify(view) => format!("nullify/{view}"),
        Slot::Finalize(view) => format!("finalize/{view}"),
        Slot::Confirm => "confirm".into(),
        Slot::Evidence(culprit, offence) => format!("evidence/{culprit}/{}", offence as u8),
    };
    format!("{SLOT}{name}")
}

/// The slot a statement belongs to; none for a report, whose slot its content decides.
pub(super) fn slot_of(statement: &Statement) -> Option<Slot> {
    Some(match statement {
        Statement::Ballot(_) => Slot::Ballot,
        Statement::Held(held) if held.closed => Slot::HeldClosed,
        Statement::Held(_) => Slot::HeldOpen,
        Statement::Cut(cut) => Slot::Cut(cut.view),
        Statement::Notarize(vote) => Slot::Notarize(vote.view),
        Statement::Nullify(nullify) => Slot::Nullify(nullify.view),
        Statement::Finalize(vote) => Slot::Finalize(vote.view),
        Statement::Confirm(_) => Slot::Confirm,
        Statement::Evidence(_) => return None,
    })
}

pub(super) fn evidence(culprit: u16, offence: Offence) -> String {
    format!("{EVIDENCE}{culprit:04x}/{}", offence as u8)
}

pub(super) fn certificate(index: usize) -> String {
    format!("{CERTIFICATE}{index}")
}

pub(super) fn value(digest: &Digest) -> String {
    format!("{VALUE}{}", short(digest))
}
