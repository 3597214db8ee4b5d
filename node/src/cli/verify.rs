//! `conclave verify`: check a decision certificate without network or clock.

use std::{io::Read, path::Path, process::ExitCode};

use anyhow::Context;
use protocol::{
    decision::{self, Certificate, TrustAnchors, Verdict},
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
    let sound = Some(&certificate);
    Ok(match decision::verify(&certificate, &TrustAnchors::new(anchors)) {
        Verdict::Valid(_) => report("valid", sound, None, json, 0),
        Verdict::Unanchored(verified) => {
            let unknown: Vec<String> = verified.unknown.iter().map(PersonaId::to_string).collect();
            let reason = format!(
                "sound in itself, but nobody vouches for {}; \
                 name the keys you know with --trust",
                unknown.join(", ")
            );
            report("unanchored", sound, Some(reason), json, 2)
        }
        Verdict::Invalid(reason) => report("invalid", None, Some(reason.to_string()), json, 1),
    })
}

fn report(
    verdict: &str,
    sound: Option<&Certificate>,
    reason: Option<String>,
    json: bool,
    code: u8,
) -> ExitCode {
    if json {
        let value = serde_json::json!({
            "verdict": verdict,
            "reason": reason,
            "proposal": sound.map(|c| c.proposal_id().to_string()),
            "question": sound.map(|c| c.proposal().question.clone()),
            "outcome": sound.map(outcome),
            "tally": sound.map(|c| c.result().tally.clone()),
            "cast": sound.map(|c| c.result().cast),
            "electorate": sound.map(|c| c.result().electorate),
        });
        println!("{value:#}");
        return ExitCode::from(code);
    }
    println!("{}", verdict.to_uppercase());
    if let Some(reason) = reason {
        println!("  {reason}");
    }
    if let Some(certificate) = sound {
        let result = certificate.result();
        println!("  question   {}", certificate.proposal().question);
        println!("  outcome    {}", outcome(certificate));
        println!("  votes      {} of {}", result.cast, result.electorate);
        println!("  tally      {:?}", result.tally);
    }
    ExitCode::from(code)
}

fn outcome(certificate: &Certificate) -> String {
    engine::outcome_in_words(&certificate.result().outcome, &certificate.proposal().options)
}
