//! Putting questions to a group, voting, and what came of it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

use crate::client::Client;

/// A question and how it is decided.
#[derive(Debug, clap::Args)]
pub(super) struct Ask {
    /// The conversation that decides (its id)
    conversation: String,
    /// What is asked
    question: String,
    /// Something to choose (repeatable); none for yes or no
    #[arg(long = "option", value_name = "TEXT")]
    options: Vec<String>,
    /// How ballots become a result [default: approval with options, else threshold]
    #[arg(long, value_enum)]
    method: Option<Method>,
    /// The share that must say yes, such as 7/10 (threshold, veto)
    #[arg(long, value_name = "SHARE")]
    share: Option<String>,
    /// What that is a share of (threshold, veto)
    #[arg(long, value_parser = ["electorate", "cast"])]
    base: Option<String>,
    /// How many options win (approval, score, suitability)
    #[arg(long, value_name = "N")]
    winners: Option<u16>,
    /// The share of the ballots a winner needs (approval, suitability)
    #[arg(long, value_name = "SHARE")]
    minimum: Option<String>,
    /// The most points for one option (score)
    #[arg(long, value_name = "N")]
    points: Option<u8>,
    /// A member whose no refuses alone (veto; repeatable)
    #[arg(long = "holder", value_name = "DID")]
    holders: Vec<String>,
    /// How many must vote for there to be a result
    #[arg(long, value_name = "N")]
    quorum: Option<u16>,
    /// When voting ends: a time such as 2026-11-20T18:00:00Z, or from now: 90s, 10m, 4h, 2d
    /// [default: 10m]
    #[arg(long, value_name = "WHEN")]
    deadline: Option<String>,
    /// How long ballots cast in time may still arrive, in seconds
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,
    /// Wait for the deadline even when the outcome is certain
    #[arg(long)]
    no_early_close: bool,
    /// Hide how members vote until voting ends
    #[arg(long)]
    hidden: bool,
    /// How long votes may be revealed then, in seconds
    #[arg(long, value_name = "SECONDS", requires = "hidden")]
    reveal: Option<u64>,
    /// Which of your personas asks, where several are members
    #[arg(long, value_name = "DID")]
    persona: Option<String>,
}

/// How ballots become a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    /// Yes or no: a share must say yes
    Threshold,
    /// Everyone marks what suits; the most marked win
    Approval,
    /// Everyone gives points; the most points win
    Score,
    /// Yes, if need be, or no for every option
    Suitability,
    /// Everyone ranks; Schulze's method finds the winner
    Ranked,
    /// Accepted unless someone objects
    Consent,
    /// Yes or no, and some can refuse alone
    Veto,
}

/// A ballot.
#[derive(Debug, clap::Args)]
pub(super) struct Ballot {
    /// The proposal (its id)
    proposal: String,
    /// yes, no, abstain, none, or the numbers of the options you approve of, from 1
    #[arg(required_unless_present_any = ["points", "rank", "object"])]
    choice: Vec<String>,
    /// Points for every option in order, such as 2,0,1
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["choice", "rank", "object"])]
    points: Option<Vec<u8>>,
    /// Numbers of the options from 1, the most wanted first, such as 3,1
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["choice", "object"])]
    rank: Option<Vec<u16>>,
    /// Object, and say why
    #[arg(long, value_name = "WHY", conflicts_with = "choice")]
    object: Option<String>,
    /// Which of your personas votes, where several may
    #[arg(long, value_name = "DID")]
    persona: Option<String>,
    /// Say that this is the persona's own vote, not yours; without a mandate for it you are asked
    #[arg(long)]
    alone: bool,
}

pub(super) async fn propose(folder: &Path, ask: Ask, as_json: bool) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let conversation = ask.conversation.clone();
    let members = if ask.holders.is_empty() {
        Vec::new()
    } else {
        let view = client.get(&format!("/v1/conversations/{conversation}")).await?;
        members_of(&view)
    };
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let body = body_of(ask, &members, u64::try_from(now_ms).unwrap_or_default())?;
    let path = format!("/v1/conversations/{conversation}/proposals");
    let proposal = client.post(&path, body).await?;
    show(&proposal, as_json);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn vote(folder: &Path, ballot: Ballot, as_json: bool) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let path = format!("/v1/proposals/{}", ballot.proposal);
    let mut body = json!({ "choice": choice_of(&ballot)? });
    if let Some(persona) = &ballot.persona {
        body["persona"] = json!(persona);
    }
    if ballot.alone {
        body["by"] = json!("persona");
    }
    client.post(&format!("{path}/ballots"), body).await?;
    show(&client.get(&path).await?, as_json);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn decisions(
    folder: &Path,
    proposal: Option<&str>,
    certificate: Option<PathBuf>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let Some(proposal) = proposal else {
        let all = client.get("/v1/proposals").await?;
        if as_json {
            println!("{all:#}");
            return Ok(ExitCode::SUCCESS);
        }
        let proposals = all["proposals"].as_array().cloned().unwrap_or_default();
        if proposals.is_empty() {
            println!("nothing was put to a vote yet (conclave propose asks)");
        }
        proposals.iter().for_each(line);
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(file) = certificate {
        let text = client.get_text(&format!("/v1/proposals/{proposal}/certificate")).await?;
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("certificate written to {}", file.display());
    }
    show(&client.get(&format!("/v1/proposals/{proposal}")).await?, as_json);
    Ok(ExitCode::SUCCESS)
}

/// The members of a conversation in the order of an electorate.
fn members_of(conversation: &Value) -> Vec<String> {
    let members = conversation["members"].as_array().into_iter().flatten();
    let mut members: Vec<String> =
        members.filter_map(|member| member["persona"].as_str()).map(str::to_owned).collect();
    // All have the same length, so the order of the text is that of the keys.
    members.sort_unstable();
    members
}

/// The request's body. What does not fit the method is refused by the node, which names the field.
fn body_of(ask: Ask, members: &[String], now_ms: u64) -> anyhow::Result<Value> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("rule", rule_of(&ask, members)?);
    put("question", Some(json!(ask.question)));
    put("options", Some(json!(ask.options)));
    let deadline = ask.deadline.map(|text| moment(&text, now_ms)).transpose()?;
    put("deadline", deadline);
    put("grace_seconds", ask.grace.map(Value::from));
    put("early_close", ask.no_early_close.then_some(json!(false)));
    put("secrecy", ask.hidden.then_some(json!("hidden")));
    put("reveal_seconds", ask.reveal.map(Value::from));
    put("persona", ask.persona.map(Value::from));
    Ok(Value::Object(body))
}

/// The rule; none when nothing about it was said, so that the node takes its usual one.
fn rule_of(ask: &Ask, members: &[String]) -> anyhow::Result<Option<Value>> {
    let usual = if ask.options.is_empty() { Method::Threshold } else { Method::Approval };
    let method = ask.method.unwrap_or(usual);
    let mut rule = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            rule.insert(name.to_owned(), value);
        }
    };
    put("share", ask.share.clone().map(Value::from));
    put("base", ask.base.clone().map(Value::from));
    put("winners", ask.winners.map(Value::from));
    put("minimum", ask.minimum.clone().map(Value::from));
    put("points", ask.points.map(Value::from));
    put("quorum", ask.quorum.map(Value::from));
    if !ask.holders.is_empty() || method == Method::Veto {
        let place = |holder: &String| {
            let place = members.iter().position(|member| member == holder);
            place.with_context(|| format!("--holder {holder} is not a member there"))
        };
        let mut holders = ask.holders.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        holders.sort_unstable();
        put("holders", Some(json!(holders)));
    }
    if rule.is_empty() && ask.method.is_none() {
        return Ok(None);
    }
    let name = method.to_possible_value().map(|value| value.get_name().to_owned());
    rule.insert("method".to_owned(), json!(name));
    Ok(Some(Value::Object(rule)))
}

/// A time, or a span from now.
fn moment(text: &str, now_ms: u64) -> anyhow::Result<Value> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    for (unit, seconds) in units {
        let number = text.strip_suffix(unit).and_then(|number| number.parse::<u64>().ok());
        if let Some(number) = number {
            let span = Duration::from_secs(number.saturating_mul(seconds));
            let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            return Ok(json!(now_ms.saturating_add(ms)));
        }
    }
    let time = text.parse::<jiff::Timestamp>();
    time.map(|time| json!(time.to_string())).map_err(|_| {
        anyhow::anyhow!("--deadline: \"{text}\" is neither a time with a zone nor like 10m")
    })
}

/// What is said, as the API spells it; options are counted from 1 on a terminal.
fn choice_of(ballot: &Ballot) -> anyhow::Result<Value> {
    let from_one = |number: u16| {
        number.checked_sub(1).context("options are numbered from 1, as `conclave decisions` shows")
    };
    if let Some(points) = &ballot.points {
        return Ok(json!({ "points": points }));
    }
    if let Some(rank) = &ballot.rank {
        let rank = rank.iter().map(|n| from_one(*n)).collect::<Result<Vec<_>, _>>()?;
        return Ok(json!({ "rank": rank }));
    }
    if let Some(why) = &ballot.object {
        return Ok(json!({ "object": why }));
    }
    match &ballot.choice[..] {
        [word] if ["yes", "no", "abstain"].contains(&word.as_str()) => Ok(json!(word)),
        [word] if word == "none" => Ok(json!([])),
        numbers => {
            let number = |text: &String| match text.parse() {
                Ok(number) => from_one(number),
                Err(_) => bail!("\"{text}\" is not yes, no, abstain, none or an option's number"),
            };
            Ok(json!(numbers.iter().map(number).collect::<Result<Vec<_>, _>>()?))
        }
    }
}

fn show(proposal: &Value, as_json: bool) {
    if as_json {
        println!("{proposal:#}");
        return;
    }
    line(proposal);
    println!("  deadline  {}", text(proposal, "deadline"));
    println!("  now       {}", text(proposal, "waiting"));
    let options = proposal["options"].as_array().cloned().unwrap_or_default();
    for (index, option) in options.iter().enumerate() {
        println!("  {:>2}  {}", index + 1, option.as_str().unwrap_or_default());
    }
    for voter in proposal["voters"].as_array().into_iter().flatten() {
        let said = match &voter["choice"] {
            _ if voter["hidden"] == true => "voted, hidden".to_owned(),
            _ if voter["void"] == true => "signed two ballots: void".to_owned(),
            Value::Null => "-".to_owned(),
            Value::String(word) => word.clone(),
            Value::Array(indexes) => {
                let numbers = indexes.iter().filter_map(Value::as_u64);
                let numbers: Vec<_> = numbers.map(|index| (index + 1).to_string()).collect();
                if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
            }
            other => other.to_string(),
        };
        let by = if voter["by"] == "persona" { "  (the persona alone)" } else { "" };
        println!("  {:<20} {said}{by}", text(voter, "name"));
    }
}

fn line(proposal: &Value) {
    let state = proposal["outcome"].as_str().unwrap_or_else(|| text(proposal, "phase"));
    let voters = proposal["voters"].as_array().map_or(0, Vec::len);
    let cast = proposal["cast"].as_u64().unwrap_or_default();
    println!("{}", text(proposal, "question"));
    println!("  {}  {state}, {cast} of {voters} voted", text(proposal, "id"));
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Asked {
        #[command(flatten)]
        ask: Ask,
    }

    #[derive(Parser)]
    struct Said {
        #[command(flatten)]
        ballot: Ballot,
    }

    fn body(line: &[&str]) -> anyhow::Result<Value> {
        let members = ["a", "b", "c"].map(str::to_owned);
        let asked = Asked::parse_from([&["propose", "there", "Why?"], line].concat());
        body_of(asked.ask, &members, 1_000)
    }

    fn choice(line: &[&str]) -> anyhow::Result<Value> {
        choice_of(&Said::parse_from([&["vote", "it"], line].concat()).ballot)
    }

    #[test]
    fn a_plain_question_leaves_the_rule_and_the_deadline_to_the_node() {
        assert_eq!(body(&[]).unwrap(), json!({"question": "Why?", "options": []}));
    }

    #[test]
    fn every_method_says_its_fields_as_the_api_names_them() {
        let rule = |line: &[&str]| body(line).unwrap()["rule"].clone();
        for (line, expected) in [
            (
                &["--share", "2/3", "--base", "cast", "--quorum", "2"][..],
                json!({"method": "threshold", "share": "2/3", "base": "cast", "quorum": 2}),
            ),
            (
                &["--option", "x", "--option", "y", "--winners", "2", "--minimum", "1/3"],
                json!({"method": "approval", "winners": 2, "minimum": "1/3"}),
            ),
            (
                &["--method", "score", "--points", "9", "--option", "x"],
                json!({"method": "score", "points": 9}),
            ),
            (&["--method", "suitability"], json!({"method": "suitability"})),
            (&["--method", "ranked"], json!({"method": "ranked"})),
            (&["--method", "consent"], json!({"method": "consent"})),
            (
                &["--method", "veto", "--holder", "c", "--holder", "a"],
                json!({"method": "veto", "holders": [0, 2]}),
            ),
        ] {
            assert_eq!(rule(line), expected, "{line:?}");
        }
        let stranger = body(&["--method", "veto", "--holder", "d"]).unwrap_err();
        assert!(stranger.to_string().contains("--holder d"), "{stranger}");
    }

    #[test]
    fn a_deadline_is_a_time_or_a_span_from_now() {
        let deadline = |text: &str| {
            body(&[&format!("--deadline={text}")]).map(|body| body["deadline"].clone())
        };
        assert_eq!(deadline("10m").unwrap(), json!(601_000));
        assert_eq!(deadline("2d").unwrap(), json!(172_801_000));
        assert_eq!(deadline("2026-11-20T18:00:00Z").unwrap(), json!("2026-11-20T18:00:00Z"));
        for text in ["soon", "", "10", "m", "-1m", "2026-11-20"] {
            assert!(deadline(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ballots_count_options_from_one() {
        assert_eq!(choice(&["yes"]).unwrap(), json!("yes"));
        assert_eq!(choice(&["none"]).unwrap(), json!([]));
        assert_eq!(choice(&["1", "3"]).unwrap(), json!([0, 2]));
        assert_eq!(choice(&["--rank", "3,1"]).unwrap(), json!({"rank": [2, 0]}));
        assert_eq!(choice(&["--points", "2,0"]).unwrap(), json!({"points": [2, 0]}));
        assert_eq!(choice(&["--object", "No."]).unwrap(), json!({"object": "No."}));
        for line in [&["0"][..], &["maybe"], &["yes", "no"], &["--rank", "0"]] {
            assert!(choice(line).is_err(), "{line:?}");
        }
    }
}
