//! Asking a group something that binds nobody, and answering.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::client::Client;

/// A question that is not put to the vote.
#[derive(Debug, clap::Args)]
pub(super) struct NewInquiry {
    /// The conversation that is asked (its id)
    conversation: String,
    /// What is asked
    question: String,
    /// Ask one after another, each knowing the answers before, instead of all at once
    #[arg(long)]
    in_turn: bool,
    /// Whom, in the order of their turns (repeatable) [default: everyone else]
    #[arg(long = "of", value_name = "DID")]
    asked: Vec<String>,
    /// How many may be asked at most [default: 20]
    #[arg(long, value_name = "N")]
    at_most: Option<u32>,
    /// How long answers count: 90s, 10m, 4h, 2d [default: 10m, or as long as all turns]
    #[arg(long, value_name = "SPAN")]
    within: Option<String>,
    /// How long one turn is: 90s, 10m, 4h, 2d [default: 10m]
    #[arg(long, value_name = "SPAN", requires = "in_turn")]
    turn: Option<String>,
    /// The share of those asked whose answers are enough [default: 7/10]
    #[arg(long, value_name = "SHARE")]
    enough: Option<String>,
    /// Which of your personas asks, where several are members
    #[arg(long, value_name = "DID")]
    persona: Option<String>,
}

/// An answer.
#[derive(Debug, clap::Args)]
pub(super) struct NewAnswer {
    /// The inquiry (its id)
    inquiry: String,
    /// What you say
    #[arg(required_unless_present = "nothing", conflicts_with = "nothing")]
    text: Option<String>,
    /// Say that you have nothing to say, so that nobody waits for you
    #[arg(long)]
    nothing: bool,
    /// Which of your personas answers, where several are asked
    #[arg(long, value_name = "DID")]
    persona: Option<String>,
}

pub(super) async fn ask(folder: &Path, ask: NewInquiry, as_json: bool) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let path = format!("/v1/conversations/{}/inquiries", ask.conversation);
    show(&client.post(&path, body_of(ask)?).await?, as_json);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn answer(
    folder: &Path,
    answer: NewAnswer,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let mut body = json!({ "text": answer.text });
    if let Some(persona) = answer.persona {
        body["persona"] = json!(persona);
    }
    let path = format!("/v1/inquiries/{}/answers", answer.inquiry);
    show(&client.post(&path, body).await?, as_json);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn inquiries(
    folder: &Path,
    inquiry: Option<&str>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    if let Some(inquiry) = inquiry {
        show(&client.get(&format!("/v1/inquiries/{inquiry}")).await?, as_json);
        return Ok(ExitCode::SUCCESS);
    }
    let all = client.get("/v1/inquiries").await?;
    if as_json {
        println!("{all:#}");
        return Ok(ExitCode::SUCCESS);
    }
    let inquiries = all["inquiries"].as_array().cloned().unwrap_or_default();
    if inquiries.is_empty() {
        println!(
            "nothing was asked lately (conclave ask asks; what has to bind, conclave propose)"
        );
    }
    inquiries.iter().for_each(line);
    Ok(ExitCode::SUCCESS)
}

fn body_of(ask: NewInquiry) -> anyhow::Result<Value> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    let seconds = |name: &str, text: Option<String>| {
        text.map(|text| seconds_of(&text).with_context(|| format!("--{name} {text}"))).transpose()
    };
    put("question", Some(json!(ask.question)));
    put("way", ask.in_turn.then_some(json!("sequential")));
    put("asked", (!ask.asked.is_empty()).then_some(json!(ask.asked)));
    put("at_most", ask.at_most.map(Value::from));
    put("open_seconds", seconds("within", ask.within)?.map(Value::from));
    put("turn_seconds", seconds("turn", ask.turn)?.map(Value::from));
    put("enough", ask.enough.map(Value::from));
    put("persona", ask.persona.map(Value::from));
    Ok(Value::Object(body))
}

/// A span such as 90s, 10m, 4h, 2d.
fn seconds_of(text: &str) -> anyhow::Result<u64> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let span = units.into_iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds)
    });
    span.context("expected a span such as 90s, 10m, 4h or 2d")
}

fn show(inquiry: &Value, as_json: bool) {
    if as_json {
        println!("{inquiry:#}");
        return;
    }
    line(inquiry);
    println!("  deadline  {}", text(inquiry, "deadline"));
    println!("  now       {}", text(inquiry, "waiting"));
    for asked in inquiry["asked"].as_array().into_iter().flatten() {
        let said = match (asked["text"].as_str(), text(asked, "standing")) {
            (Some(said), "late") => format!("{said}  (too late to count)"),
            (Some(said), _) => said.to_owned(),
            (None, "answered") => "has nothing to say".to_owned(),
            (None, standing) => format!("({standing})"),
        };
        println!("  {}: {said}", text(asked, "name"));
    }
}

fn line(inquiry: &Value) {
    let asked = inquiry["asked"].as_array().map_or(0, Vec::len);
    let answered = inquiry["answered"].as_u64().unwrap_or_default();
    println!("{}", text(inquiry, "question"));
    let (id, phase) = (text(inquiry, "id"), text(inquiry, "phase"));
    println!("  {id}  {phase}, {answered} of {asked} answered, not binding");
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        ask: NewInquiry,
    }

    fn body(line: &[&str]) -> anyhow::Result<Value> {
        let line = ["ask", "0a0b", "What shall we cook?"].iter().chain(line);
        body_of(Line::try_parse_from(line)?.ask)
    }

    #[test]
    fn what_is_not_said_is_left_to_the_node() {
        assert_eq!(body(&[]).unwrap(), json!({ "question": "What shall we cook?" }));
        let line = ["--in-turn", "--turn", "4h", "--within", "2d", "--enough", "1/2"];
        let expected = json!({
            "question": "What shall we cook?", "way": "sequential",
            "turn_seconds": 14_400, "open_seconds": 172_800, "enough": "1/2",
        });
        assert_eq!(body(&line).unwrap(), expected);
        assert!(body(&["--turn", "4h"]).is_err(), "a turn of what?");
        assert!(body(&["--within", "soon"]).is_err());
    }
}
