//! The certificate as a file people can read.
//!
//! The binary certificate stands in it as base64, and everything readable is made from that. A
//! reader makes the file again from the base64 and demands the same bytes, so no word of the
//! readable part can say other than what is proved.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    Base, CastBy, Certificate, CertificateError, Choice, Mandate, Outcome, Rule, calendar::iso8601,
};
use crate::identity::PersonaId;

/// The largest certificate file, in bytes: base64 and the readable part.
pub const CERTIFICATE_FILE_BYTES_MAX: usize = 2 * 1024 * 1024;

const FORMAT: &str = "conclave-decision-certificate/1";

/// Why a file is not a certificate file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Longer than any certificate file.
    #[error("{0} bytes, a certificate file has at most {CERTIFICATE_FILE_BYTES_MAX}")]
    TooLong(usize),
    /// Not JSON, or without a certificate in it.
    #[error("not a certificate file: {0}")]
    Json(String),
    /// The certificate in it is not base64.
    #[error("field certificate is not base64")]
    Base64,
    /// The certificate in it is none.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The readable part says something else than the certificate, or is written otherwise.
    #[error("the file was changed: it is not what its certificate says")]
    Changed,
}

#[derive(Serialize)]
struct File<'a> {
    format: &'a str,
    proposal: String,
    group: String,
    epoch: u64,
    proposer: String,
    question: &'a str,
    options: &'a [String],
    rule: String,
    quorum: u16,
    opens: String,
    deadline: String,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    winners: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tie: Option<bool>,
    tally: Vec<Count>,
    cast: u32,
    electorate: u32,
    cast_by: CastBy,
    votes: Vec<Vote>,
    void: Vec<String>,
    silent: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unrevealed: Option<Vec<String>>,
    confirmed_by: Vec<String>,
    digest: String,
    certificate_sha256: String,
    certificate: String,
}

#[derive(Serialize)]
struct Count {
    choice: String,
    votes: u32,
}

#[derive(Serialize)]
struct Vote {
    voter: String,
    cast_at: String,
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mandate: Option<Permission>,
    choice: Vec<String>,
}

/// What a persona that voted by itself was allowed.
#[derive(Serialize)]
struct Permission {
    number: u64,
    covers: String,
    granted: String,
    expires: String,
}

/// Only what a reader needs; the rest is made again and compared.
#[derive(Deserialize)]
struct Carrier {
    certificate: String,
}

/// Writes the certificate file. Says what the certificate says, whether or not that holds.
pub fn render_json(certificate: &Certificate) -> String {
    let (asked, proposal) = certificate.asked();
    let result = certificate.result();
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let option = |index: &u16| label(&proposal.options, *index);
    let name = |index: u16| name(certificate.roster(), index);
    let (winners, tie) = match &result.outcome {
        Outcome::Winners { options, tie } => {
            (Some(options.iter().map(option).collect()), Some(*tie))
        }
        _ => (None, None),
    };
    // Whoever hid its vote cast it when it committed to it.
    let cast = &certificate.hidden().unwrap_or(certificate).content().ballots;
    let cast_by = |index: u16| cast.iter().find(move |record| record.ballot.voter == index);
    let voted = |index: &u16| cast_by(*index).is_some();
    let vote = |record: &super::BallotRecord| Vote {
        voter: name(record.ballot.voter),
        cast_at: iso8601(match certificate.hidden().and_then(|_| cast_by(record.ballot.voter)) {
            Some(commitment) => commitment.ballot.cast_at_ms,
            None => record.ballot.cast_at_ms,
        }),
        by: certificate.mark(record).name(),
        mandate: certificate.mark(record).mandate().map(|signed| permission(signed.mandate())),
        choice: words(&record.ballot.choice, &proposal.options),
    };
    let file = File {
        format: FORMAT,
        proposal: asked.to_string(),
        group: proposal.group.to_string(),
        epoch: proposal.epoch,
        proposer: proposal.proposer.to_string(),
        question: &proposal.question,
        options: &proposal.options,
        rule: in_words(&proposal.rule, certificate.roster()),
        quorum: proposal.rule.quorum(),
        opens: iso8601(proposal.opens_at_ms),
        deadline: iso8601(proposal.deadline_ms),
        outcome: match &result.outcome {
            Outcome::Accepted => "accepted",
            Outcome::Rejected => "rejected",
            Outcome::NoQuorum => "no quorum",
            Outcome::Winners { .. } => "winners",
            Outcome::NoWinner => "no winner",
            Outcome::Committed => "committed, not revealed yet",
        },
        winners,
        tie,
        tally: counts(&certificate.proposal().rule, &proposal.options, &result.tally),
        cast: result.cast,
        electorate: result.electorate,
        cast_by: certificate.cast_by(),
        votes: certificate.content().ballots.iter().map(vote).collect(),
        void: certificate.void().into_iter().map(name).collect(),
        silent: (0u16..)
            .zip(certificate.roster())
            .filter(|(index, _)| !voted(index))
            .map(|(_, persona)| persona.to_string())
            .collect(),
        unrevealed: certificate
            .hidden()
            .map(|_| certificate.unrevealed().into_iter().map(name).collect()),
        confirmed_by: certificate.confirms().iter().map(|c| name(c.sealer)).collect(),
        digest: hex(&certificate.digest()),
        certificate_sha256: hex(&certificate.id()),
        certificate: data_encoding::BASE64.encode(&certificate.to_bytes()),
    };
    let mut text = serde_json::to_string_pretty(&file).expect("text and numbers are always JSON");
    text.push('\n');
    text
}

/// Reads a certificate file. That it holds is [`super::verify`]'s to say; that the readable part
/// says the same as the certificate is checked here.
///
/// # Errors
/// [`ReadError`] when the file was not written, byte for byte, by [`render_json`].
pub fn read_json(bytes: &[u8]) -> Result<Certificate, ReadError> {
    if bytes.len() > CERTIFICATE_FILE_BYTES_MAX {
        return Err(ReadError::TooLong(bytes.len()));
    }
    let carrier: Carrier =
        serde_json::from_slice(bytes).map_err(|error| ReadError::Json(error.to_string()))?;
    let binary = data_encoding::BASE64
        .decode(carrier.certificate.as_bytes())
        .map_err(|_| ReadError::Base64)?;
    let certificate = Certificate::from_bytes(&binary)?;
    if render_json(&certificate).as_bytes() != bytes {
        return Err(ReadError::Changed);
    }
    Ok(certificate)
}

fn name(roster: &[PersonaId], index: u16) -> String {
    roster.get(usize::from(index)).map_or_else(|| format!("nobody ({index})"), PersonaId::to_string)
}

fn label(options: &[String], index: u16) -> &str {
    options.get(usize::from(index)).map_or("(no such option)", String::as_str)
}

fn permission(mandate: &Mandate) -> Permission {
    Permission {
        number: mandate.number,
        covers: mandate.in_words(),
        granted: iso8601(mandate.granted_at_ms),
        expires: iso8601(mandate.expires_at_ms),
    }
}

fn words(choice: &Choice, options: &[String]) -> Vec<String> {
    match choice {
        Choice::Yes => vec!["yes".into()],
        Choice::No => vec!["no".into()],
        Choice::Abstain => vec!["abstain".into()],
        Choice::Approve(list) | Choice::Rank(list) => {
            list.iter().map(|index| label(options, *index).to_owned()).collect()
        }
        Choice::Points(given) => options
            .iter()
            .zip(given)
            .map(|(option, points)| format!("{option}: {points}"))
            .collect(),
        Choice::Object(reason) => vec![format!("objection: {reason}")],
        Choice::Commit(_) => vec!["hidden".into()],
        Choice::Reveal { choice, .. } => words(choice, options),
    }
}

fn counts(rule: &Rule, options: &[String], tally: &[u32]) -> Vec<Count> {
    let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let names: Vec<String> = match rule {
        Rule::Threshold { .. } => fixed(&["yes", "no", "abstain"]),
        Rule::Veto { .. } => fixed(&["yes", "no", "abstain", "veto"]),
        Rule::Consent { .. } => fixed(&["consent", "objection", "abstain"]),
        Rule::Approval { .. } | Rule::Score { .. } => options.to_vec(),
        Rule::Suitability { .. } => {
            let of = |word: &'static str| options.iter().map(move |o| format!("{o}: {word}"));
            of("yes").chain(of("if need be")).collect()
        }
        Rule::Ranked { .. } => {
            let row = |over| options.iter().map(move |under| format!("{over} over {under}"));
            options.iter().flat_map(row).collect()
        }
        Rule::Hidden { .. } => fixed(&["hidden"]),
        Rule::Reveal(_) => return counts(rule.plain(), options, tally),
    };
    names.into_iter().zip(tally).map(|(choice, votes)| Count { choice, votes: *votes }).collect()
}

fn in_words(rule: &Rule, roster: &[PersonaId]) -> String {
    match rule {
        Rule::Threshold { num, den, base: Base::Electorate, .. } => {
            format!("yes from at least {num}/{den} of the electorate")
        }
        Rule::Threshold { num, den, base: Base::Cast, .. } => {
            format!("yes from at least {num}/{den} of the ballots cast")
        }
        Rule::Approval { winners, minimum, .. } => format!(
            "the {winners} most approved, each by at least {}/{} of the ballots cast",
            minimum.num, minimum.den
        ),
        Rule::Score { points, winners, .. } => {
            format!("the {winners} with most points, up to {points} from each")
        }
        Rule::Suitability { winners, minimum, .. } => format!(
            "the {winners} that suit most, each at least {}/{} of the ballots cast if need be",
            minimum.num, minimum.den
        ),
        Rule::Ranked { .. } => "the winner of ranked ballots by Schulze's method".into(),
        Rule::Consent { .. } => "accepted unless someone objects".into(),
        Rule::Hidden { .. } | Rule::Reveal(_) => {
            format!("{}; hidden until voting ends", in_words(rule.plain(), roster))
        }
        Rule::Veto { num, den, base, holders, .. } => {
            let base = match base {
                Base::Electorate => "electorate",
                Base::Cast => "ballots cast",
            };
            let holders: Vec<String> = holders.iter().map(|holder| name(roster, *holder)).collect();
            format!(
                "yes from at least {num}/{den} of the {base}, no veto by {}",
                holders.join(", ")
            )
        }
    }
}
