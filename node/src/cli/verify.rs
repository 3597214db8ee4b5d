//! `conclave verify`: check a decision certificate without network or clock.

use std::{io::Read, path::Path, process::ExitCode};

use anyhow::Context;
use protocol::{
    decision::{self, Certificate, Mandate, TrustAnchors, Verdict, Verified},
    identity::PersonaId,
};

/// Larger files are no certificates; they are not even read to the end.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

pub(super) fn run(file: &Path, trust: &[String], json: bool) -> anyhow::Result<ExitCode> {
    let mut anchors = Vec::new();
    for text in trust {
        let id: PersonaId = text.parse().with_context(|| format!("--trust {text}"))?;
        anchors.push(id);
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", file.display()))?;
    let certificate = match decision::read_json(&bytes) {
        Ok(certificate) => certificate,
        Err(error) => return Ok(report("invalid", None, Some(error.to_string()), json, 1)),
    };
    Ok(match decision::verify(&certificate, &TrustAnchors::new(anchors)) {
        Verdict::Valid(verified) => report("valid", Some((&certificate, &verified)), None, json, 0),
        Verdict::Unanchored(verified) => {
            let unknown: Vec<String> = verified.unknown.iter().map(PersonaId::to_string).collect();
            let reason = format!(
                "sound in itself, but nobody vouches for {}; \
                 name the keys you know with --trust",
                unknown.join(", ")
            );
            report("unanchored", Some((&certificate, &verified)), Some(reason), json, 2)
        }
        Verdict::Invalid(reason) => report("invalid", None, Some(reason.to_string()), json, 1),
    })
}

fn report(
    verdict: &str,
    sound: Option<(&Certificate, &Verified)>,
    reason: Option<String>,
    json: bool,
    code: u8,
) -> ExitCode {
    if json {
        let value = serde_json::json!({
            "verdict": verdict,
            "reason": reason,
            "proposal": sound.map(|(c, _)| c.asked().0.to_string()),
            "question": sound.map(|(c, _)| c.proposal().question.clone()),
            "outcome": sound.map(|(c, _)| outcome(c)),
            "tally": sound.map(|(c, _)| c.result().tally.clone()),
            "cast": sound.map(|(c, _)| c.result().cast),
            "electorate": sound.map(|(c, _)| c.result().electorate),
            "cast_by": sound.map(|(c, _)| c.cast_by()),
            "alone": sound.map(|(c, _)| alone(c).map(|(persona, mandate)| serde_json::json!({
                "persona": persona.to_string(),
                "mandate": mandate.number,
                "covers": mandate.in_words(),
                "expires_at_ms": mandate.expires_at_ms,
            })).collect::<Vec<_>>()),
            "void": sound.map(|(_, verified)| dids(&verified.void)),
            "unrevealed": sound.map(|(_, verified)| dids(&verified.unrevealed)),
            "confirmed_by": sound.map(|(c, _)| dids(&confirmed_by(c))),
            "trusted": sound.map(|(c, verified)| dids(&trusted(c, verified))),
        });
        println!("{value:#}");
        return ExitCode::from(code);
    }
    println!("{}", verdict.to_uppercase());
    if let Some(reason) = reason {
        println!("  {reason}");
    }
    if let Some((certificate, verified)) = sound {
        let result = certificate.result();
        println!("  question   {}", certificate.proposal().question);
        println!("  outcome    {}", outcome(certificate));
        println!("  votes      {} of {}", result.cast, result.electorate);
        let by = certificate.cast_by();
        println!("  cast by    {} owners, {} personas alone", by.owner, by.persona);
        for (persona, mandate) in alone(certificate) {
            println!("             {persona}");
            println!("             under mandate {}: {}", mandate.number, mandate.in_words());
        }
        println!("  tally      {:?}", result.tally);
        list("void", "signed two ballots", &verified.void);
        list("unrevealed", "voted and never revealed how", &verified.unrevealed);
        list("confirmed", "by these of the sealers", &confirmed_by(certificate));
        list("trusted", "keys named with --trust", &trusted(certificate, verified));
    }
    ExitCode::from(code)
}

/// Prints some personas, one a line; nothing when there are none.
fn list(name: &str, meaning: &str, personas: &[PersonaId]) {
    if !personas.is_empty() {
        println!("  {name:<10} {} ({meaning})", personas.len());
    }
    for persona in personas {
        println!("             {persona}");
    }
}

/// The personas that voted by themselves, and the mandate of each. That the mandates cover these
/// votes is part of what was verified.
fn alone(certificate: &Certificate) -> impl Iterator<Item = (&PersonaId, &Mandate)> {
    (0u16..).zip(certificate.roster()).filter_map(|(voter, persona)| {
        let signed = certificate.caster(voter)?.mandate()?;
        Some((persona, signed.mandate()))
    })
}

fn confirmed_by(certificate: &Certificate) -> Vec<PersonaId> {
    let sealers = certificate.confirms().iter().map(|confirm| usize::from(confirm.sealer));
    // The sealers are the first of the electorate.
    sealers.filter_map(|sealer| certificate.roster().get(sealer).copied()).collect()
}

/// The voters whose keys the caller named.
fn trusted(certificate: &Certificate, verified: &Verified) -> Vec<PersonaId> {
    let known = |persona: &&PersonaId| !verified.unknown.contains(persona);
    certificate.roster().iter().filter(known).copied().collect()
}

fn dids(personas: &[PersonaId]) -> Vec<String> {
    personas.iter().map(PersonaId::to_string).collect()
}

fn outcome(certificate: &Certificate) -> String {
    engine::outcome_in_words(&certificate.result().outcome, &certificate.proposal().options)
}
