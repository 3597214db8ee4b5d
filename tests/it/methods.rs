//! Every way to decide, from the command line alone: asked, voted on, certified, checked.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::{Setup, World, binaries, people::Person, until::until};

use crate::verify::verify;

/// A method: how it is asked, what each of the two says, and what comes of it.
struct Case {
    name: &'static str,
    ask: &'static [&'static str],
    alice: &'static [&'static str],
    bob: &'static [&'static str],
    outcome: &'static str,
}

const MEALS: &[&str] = &["--option", "Soup", "--option", "Rice", "--option", "Stew"];

const CASES: &[Case] = &[
    Case {
        name: "threshold",
        ask: &["--share", "1/1"],
        alice: &["yes"],
        bob: &["yes"],
        outcome: "accepted",
    },
    Case {
        name: "approval",
        ask: &["--winners", "2", "--minimum", "0/1"],
        alice: &["1", "3"],
        bob: &["3"],
        outcome: "Soup, Stew",
    },
    Case {
        name: "score",
        ask: &["--points", "9"],
        alice: &["--points", "9,5,0"],
        bob: &["--points", "0,5,8"],
        outcome: "Rice",
    },
    Case {
        name: "suitability",
        ask: &[],
        alice: &["--points", "2,1,0"],
        bob: &["--points", "0,2,2"],
        outcome: "Rice",
    },
    Case {
        name: "ranked",
        ask: &[],
        alice: &["--rank", "2,1,3"],
        bob: &["--rank", "2,3,1"],
        outcome: "Rice",
    },
    Case {
        name: "consent",
        ask: &["--quorum", "2"],
        alice: &["yes"],
        bob: &["--object", "I am away"],
        outcome: "rejected",
    },
];

async fn conclave(person: &Person, line: &[&str]) -> anyhow::Result<Result<Value, String>> {
    let mut command = binaries::command(binaries::conclave()?);
    let (verb, rest) = line.split_first().context("a command has a verb")?;
    command.arg(verb).arg("--data-dir").arg(person.node.data()).arg("--json").args(rest);
    let output = command.output().await?;
    if output.status.success() {
        return Ok(Ok(serde_json::from_slice(&output.stdout)?));
    }
    Ok(Err(String::from_utf8(output.stderr)?))
}

/// A command that has to succeed; what it printed.
pub(crate) async fn does(person: &Person, line: &[&str]) -> anyhow::Result<Value> {
    let answer = conclave(person, line).await?;
    answer.map_err(|error| anyhow::anyhow!("{}: {line:?}: {error}", person.name))
}

async fn decided(people: [&Person; 2], case: &Case, asked: &Value) -> anyhow::Result<()> {
    let [alice, bob] = people;
    let proposal = asked["id"].as_str().context("no id")?;
    until("the question arriving", async || {
        let answer = bob.api().get(&format!("/v1/proposals/{proposal}")).await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await?;
    for (person, words) in [(alice, case.alice), (bob, case.bob)] {
        does(person, &[&["vote", proposal], words].concat()).await?;
    }
    for person in people {
        let view = person.certified(proposal).await?;
        ensure!(view["outcome"] == case.outcome, "{}: {view:#}", case.name);
        let file = person.node.folder().join(format!("{}.json", case.name));
        let path = file.to_str().context("a path is text")?;
        does(person, &["decisions", proposal, "--certificate", path]).await?;
        let verdict = verify(&file, &[&alice.did, &bob.did]).await?;
        ensure!(verdict.code == 0, "{}: {}", case.name, verdict.output);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_is_decided_from_the_command_line() -> anyhow::Result<()> {
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let group = alice.open(&[&bob], Some("Meals")).await?;
    for case in CASES {
        let options: &[&str] = match case.name {
            "threshold" | "consent" => &[],
            _ => MEALS,
        };
        let question = format!("By {}?", case.name);
        let line = ["propose", &group, &question, "--method", case.name];
        let asked = does(&alice, &[&line, options, case.ask].concat()).await?;
        ensure!(asked["rule"]["method"] == case.name, "{asked:#}");
        let [opens, ends] =
            ["opens_at_ms", "deadline_ms"].map(|field| asked[field].as_u64().unwrap_or_default());
        ensure!(ends - opens == 600_000, "ten minutes when nobody says: {asked:#}");
        decided([&alice, &bob], case, &asked).await?;
    }
    let line = ["propose", &group, "By veto?", "--method", "veto", "--holder", &bob.did];
    let asked = does(&alice, &line).await?;
    let mut electorate = [&alice.did, &bob.did];
    electorate.sort();
    let seat = electorate.iter().position(|did| **did == bob.did);
    ensure!(asked["rule"]["holders"] == json!([seat]), "{asked:#}");
    let veto = Case { name: "veto", ask: &[], alice: &["yes"], bob: &["no"], outcome: "rejected" };
    decided([&alice, &bob], &veto, &asked).await?;

    let all = does(&bob, &["decisions"]).await?;
    ensure!(all["proposals"].as_array().map(Vec::len) == Some(CASES.len() + 1), "{all:#}");
    for (line, field) in [
        (&["--method", "ranked", "--option", "Soup"][..], "options"),
        (&["--method", "approval", "--option", "Soup", "--winners", "2"], "rule.winners"),
        (&["--quorum", "3"], "rule.quorum"),
        (&["--share", "0.7"], "rule: "),
        (&["--deadline", "2001-01-01T00:00:00Z"], "deadline"),
        (&["--method", "veto"], "rule.holders"),
        (&["--option", "Soup", "--method", "score", "--points", "101"], "rule.points"),
    ] {
        let asked = conclave(&alice, &[&["propose", &group, "Well?"], line].concat()).await?;
        let error = asked.expect_err("a rule that cannot be");
        ensure!(error.contains(field), "{line:?} does not name {field}: {error}");
    }
    Ok(())
}

/// How a voter stands in a view: whether its vote is hidden, and its choice.
fn standing<'a>(view: &'a Value, did: &str) -> anyhow::Result<(&'a Value, &'a Value)> {
    let voters = view["voters"].as_array().context("no voters")?;
    let voter = voters.iter().find(|voter| voter["persona"] == did).context("no such voter")?;
    Ok((&voter["hidden"], &voter["choice"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_votes_are_seen_when_voting_is_over_and_survive_a_crash() -> anyhow::Result<()> {
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let mut bob = Person::new(&world, "Bob", Setup::default()).await?;
    bob.meet(&alice).await?;
    let group = alice.open(&[&bob], Some("Leaders")).await?;
    let line = ["propose", &group, "Shall Nora lead?", "--hidden", "--share", "1/2"];
    let asked = does(&alice, &line).await?;
    ensure!(asked["secrecy"] == "hidden" && asked["reveal_seconds"] == 600, "{asked:#}");
    let proposal = asked["id"].as_str().context("no id")?;
    let path = format!("/v1/proposals/{proposal}");

    let own = does(&alice, &["vote", proposal, "yes"]).await?;
    ensure!(standing(&own, &alice.did)?.1 == "yes", "her own vote she sees: {own:#}");
    let seen = until("Bob seeing that she voted", async || {
        let answer = bob.api().get(&path).await?;
        if answer.status != 200 {
            return Ok(None);
        }
        let view = answer.ok()?;
        let voted = standing(&view, &alice.did)?.0 == &json!(true);
        Ok(voted.then_some(view))
    })
    .await?;
    ensure!(standing(&seen, &alice.did)?.1.is_null(), "{seen:#}");
    ensure!(seen["tally"] == json!([0, 0, 0]) && seen["cast"] == 1, "{seen:#}");

    does(&bob, &["vote", proposal, "no"]).await?;
    bob.node.kill().await?;
    bob.node.run().await?;
    for person in [&alice, &bob] {
        let view = person.certified(proposal).await?;
        ensure!(view["tally"] == json!([1, 1, 0]) && view["outcome"] == "accepted", "{view:#}");
        ensure!(standing(&view, &alice.did)? == (&json!(false), &json!("yes")), "{view:#}");
        ensure!(standing(&view, &bob.did)? == (&json!(false), &json!("no")), "{view:#}");
        let file = person.node.folder().join("hidden.json");
        let name = file.to_str().context("a path is text")?;
        does(person, &["decisions", proposal, "--certificate", name]).await?;
        let verdict = verify(&file, &[&alice.did, &bob.did]).await?;
        ensure!(verdict.code == 0, "{}", verdict.output);
        let all = does(person, &["decisions"]).await?;
        ensure!(all["proposals"].as_array().map(Vec::len) == Some(1), "one question: {all:#}");
        let told = person.messages(&group).await?;
        let of = |kind: &str| told.iter().filter(|message| message["kind"] == kind).count();
        ensure!((of("proposal"), of("ballot")) == (1, 2), "{told:#?}");
    }
    Ok(())
}
