//! Finding messages by their words.

use std::{
    io::{IsTerminal, stdout},
    path::Path,
    process::ExitCode,
};

use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::client::Client;

/// What to look for.
#[derive(Debug, clap::Args)]
pub(super) struct Question {
    /// Words that a message must all have; of the last its beginning is enough
    #[arg(required = true)]
    words: Vec<String>,
    /// Only in this conversation (its id)
    #[arg(long, value_name = "CONVERSATION")]
    conversation: Option<String>,
    /// Only in the conversations of this persona of yours
    #[arg(long, value_name = "DID")]
    persona: Option<String>,
    /// How many at most, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

/// As many as one answer may have.
const PAGE_MAX: usize = 50;

pub(super) async fn run(
    folder: &Path,
    question: Question,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let client = Client::for_folder(folder)?;
    let (mut found, mut before) = (Vec::new(), None);
    while found.len() < usize::from(question.limit) {
        let limit = (usize::from(question.limit) - found.len()).min(PAGE_MAX);
        let page = client.get(&path(&question, before, limit)).await?;
        found.extend(page["results"].as_array().cloned().unwrap_or_default());
        before = page["next"].as_u64();
        if before.is_none() {
            break;
        }
    }
    if as_json {
        println!("{:#}", json!({ "results": found, "next": before }));
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        println!("nothing was said with these words");
        return Ok(ExitCode::SUCCESS);
    }
    let conversations = client.get("/v1/conversations").await?;
    for hit in &found {
        let all = conversations["conversations"].as_array().into_iter().flatten();
        let place = all.into_iter().find(|one| one["id"] == hit["conversation"]);
        let title = place.map(|one| plain(text(one, "title"))).unwrap_or_default();
        println!("{}  {} in {title}", text(hit, "sent_at"), plain(text(hit, "author_name")));
        println!("    {}", words(hit, stdout().is_terminal()));
        println!("    message {}", text(hit, "message"));
    }
    Ok(ExitCode::SUCCESS)
}

fn path(question: &Question, before: Option<u64>, limit: usize) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("q", &question.words.join(" "));
    query.append_pair("limit", &limit.to_string());
    for (name, value) in [("conversation", &question.conversation), ("persona", &question.persona)]
    {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    if let Some(before) = before {
        query.append_pair("before", &before.to_string());
    }
    format!("/v1/search?{}", query.finish())
}

/// The excerpt in one line, its hits bold on a terminal.
fn words(hit: &Value, bold: bool) -> String {
    let pieces = hit["excerpt"].as_array().into_iter().flatten();
    let piece = |piece: &Value| {
        let text = plain(text(piece, "text"));
        match piece["hit"] == true && bold {
            true => format!("\u{1b}[1m{text}\u{1b}[0m"),
            false => text,
        }
    };
    pieces.map(piece).collect()
}

/// What others wrote must not steer the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_one_line_and_steers_no_terminal() {
        let hit = json!({"excerpt": [
            {"text": "a\n\u{1b}[2J", "hit": false}, {"text": "soup", "hit": true}]});
        assert_eq!(words(&hit, false), "a  [2Jsoup");
        assert_eq!(words(&hit, true), "a  [2J\u{1b}[1msoup\u{1b}[0m");
    }

    #[test]
    fn words_are_written_so_that_they_arrive() {
        let words = vec!["süß".to_owned(), "a&b=c".to_owned()];
        let question = Question { words, conversation: Some("01".into()), persona: None, limit: 5 };
        let expected = "/v1/search?q=s%C3%BC%C3%9F+a%26b%3Dc&limit=5&conversation=01&before=7";
        assert_eq!(path(&question, Some(7), 5), expected);
    }
}
