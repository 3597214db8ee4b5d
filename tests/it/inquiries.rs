//! Questions that bind nobody, between real nodes: to all at once, and one after another.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tests::{Setup, World, people::Person, until::until};

use crate::methods::does;

/// How somebody who was asked stands, and what it said.
fn said<'a>(view: &'a Value, person: &Person) -> anyhow::Result<(&'a str, Option<&'a str>)> {
    let asked = view["asked"].as_array().context("nobody was asked")?;
    let one = asked.iter().find(|one| one["persona"] == *person.did).context("was not asked")?;
    Ok((one["standing"].as_str().context("no standing")?, one["text"].as_str()))
}

/// Waits until somebody sees an inquiry as it should be.
async fn seen(
    person: &Person,
    id: &str,
    holds: impl Fn(&Value) -> anyhow::Result<bool>,
) -> anyhow::Result<Value> {
    until(&format!("{} seeing the inquiry so", person.name), async || {
        let answer = person.api().get(&format!("/v1/inquiries/{id}")).await?;
        if answer.status != 200 {
            return Ok(None);
        }
        let view = answer.ok()?;
        Ok(holds(&view)?.then_some(view))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_asked_at_once_and_in_turn_and_who_asked_may_be_gone() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut alice = Person::new(&world, "Alice", Setup::default()).await?;
    let bob = Person::new(&world, "Bob", Setup::default()).await?;
    let carol = Person::new(&world, "Carol", Setup::default()).await?;
    for (one, other) in [(&bob, &alice), (&carol, &alice), (&carol, &bob)] {
        one.meet(other).await?;
    }
    let group = alice.open(&[&bob, &carol], Some("Cooks")).await?;

    // At once: who has nothing to say has answered too.
    let asked =
        does(&alice, &["ask", &group, "Anything you do not eat?", "--within", "1h"]).await?;
    ensure!(asked["binding"] == false && asked["participation"] == 0.0, "{asked:#}");
    let id = asked["id"].as_str().context("no id")?;
    for (person, line) in [(&bob, vec!["Fish"]), (&carol, vec!["--nothing"])] {
        seen(person, id, |view| Ok(said(view, person)?.0 == "due")).await?;
        does(person, &[&["answer", id][..], &line].concat()).await?;
    }
    for person in [&alice, &bob, &carol] {
        let view = seen(person, id, |view| Ok(view["phase"] == "complete")).await?;
        ensure!(view["participation"] == 1.0 && view["answered"] == 2, "{view:#}");
        ensure!(said(&view, &bob)? == ("answered", Some("Fish")), "{view:#}");
        ensure!(said(&view, &carol)? == ("answered", None), "{view:#}");
    }

    // In turn: Carol waits for Bob, and the one who asked is gone meanwhile.
    let line = ["ask", &group, "What shall we cook?", "--in-turn", "--turn", "1h"];
    let order = ["--of", &bob.did, "--of", &carol.did];
    let asked = does(&alice, &[&line[..], &order].concat()).await?;
    let id = asked["id"].as_str().context("no id")?;
    seen(&carol, id, |view| Ok(said(view, &carol)?.0 == "next")).await?;
    let path = format!("/v1/inquiries/{id}/answers");
    let early = carol.api().post(&path, json!({ "text": "Bread" })).await?;
    ensure!(early.status == 409, "before her turn: {}", early.status);
    seen(&bob, id, |view| Ok(said(view, &bob)?.0 == "due")).await?;
    alice.node.kill().await?;
    does(&bob, &["answer", id, "Soup"]).await?;
    seen(&carol, id, |view| Ok(said(view, &carol)?.0 == "due")).await?;
    does(&carol, &["answer", id, "Bread with it"]).await?;
    alice.node.run().await?;
    for person in [&alice, &bob, &carol] {
        let view = seen(person, id, |view| Ok(view["phase"] == "complete")).await?;
        ensure!(view["asked"][1]["had_seen"] == json!([bob.did]), "{view:#}");
        let told = person.messages(&group).await?;
        let of = |kind: &str| told.iter().filter(|message| message["kind"] == kind).count();
        ensure!((of("inquiry"), of("answer")) == (2, 4), "{told:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sleeps_in_its_turn_is_passed_over_and_may_answer_after() -> anyhow::Result<()> {
    let world = World::new()?;
    let alice = Person::new(&world, "Alice", Setup::default()).await?;
    let mut bob = Person::new(&world, "Bob", Setup::default()).await?;
    let carol = Person::new(&world, "Carol", Setup::default()).await?;
    for (one, other) in [(&bob, &alice), (&carol, &alice), (&carol, &bob)] {
        one.meet(other).await?;
    }
    let group = alice.open(&[&bob, &carol], Some("Cooks")).await?;
    bob.node.kill().await?;
    let line = ["ask", &group, "What shall we cook?", "--in-turn", "--turn", "2s"];
    let order = ["--within", "1h", "--of", &bob.did, "--of", &carol.did];
    let asked = does(&alice, &[&line[..], &order].concat()).await?;
    let id = asked["id"].as_str().context("no id")?;
    // Whether her turn is on or over by now, Bob's is over.
    seen(&carol, id, |view| Ok(matches!(said(view, &carol)?.0, "due" | "passed"))).await?;
    does(&carol, &["answer", id, "Bread"]).await?;
    let view = seen(&alice, id, |view| Ok(said(view, &carol)?.0 == "answered")).await?;
    ensure!(said(&view, &bob)? == ("passed", None), "{view:#}");
    ensure!(view["participation"] == 0.5 && view["phase"] == "open", "{view:#}");

    bob.node.run().await?;
    let late = seen(&bob, id, |view| Ok(said(view, &carol)?.1 == Some("Bread"))).await?;
    ensure!(said(&late, &bob)?.0 == "passed", "{late:#}");
    does(&bob, &["answer", id, "Soup"]).await?;
    let view = seen(&alice, id, |view| Ok(view["phase"] == "complete")).await?;
    ensure!(view["asked"][0]["had_seen"] == json!([carol.did]), "{view:#}");
    ensure!(view["asked"][1]["had_seen"] == json!([]), "{view:#}");
    Ok(())
}
