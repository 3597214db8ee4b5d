//! The node of a group's creator is gone for good: the others go on changing the group.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};
use tests::{
    Rendezvous, Setup, World,
    people::Person,
    rest::{items, text},
    until::until,
};

/// How long the others may take from deciding on a change to its being made everywhere.
const WITHIN: Duration = Duration::from_secs(60);

/// Waits until a conversation shows what it should at one node.
async fn shows(
    person: &Person,
    group: &str,
    what: &str,
    right: impl Fn(&Value) -> bool,
) -> anyhow::Result<Value> {
    until(&format!("{} seeing {what}", person.name), async || {
        let answer = person.api().get(&format!("/v1/conversations/{group}")).await?;
        Ok((answer.status == 200 && right(&answer.body)).then_some(answer.body))
    })
    .await
}

fn has(view: &Value, person: &Person) -> bool {
    items(view, "members").any(|member| member["persona"] == *person.did)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_add_one_and_remove_one_when_the_creator_is_killed_for_good()
-> anyhow::Result<()> {
    let world = World::new()?;
    let rendezvous = Rendezvous::start(&world).await?;
    let setup = Setup { bootstrap: rendezvous.addresses.clone(), ..Setup::default() };
    let mut people = Vec::new();
    for name in ["Alice", "Bob", "Carol", "Dora", "Erin"] {
        people.push(Person::new(&world, name, setup.clone()).await?);
    }
    for guest in &people[1..4] {
        guest.meet(&people[0]).await?;
    }
    people[4].meet(&people[1]).await?;
    let others = [&people[1], &people[2], &people[3]];
    let group = people[0].open(&others, Some("Friends")).await?;
    let hello = people[3].say(&group, "hello").await?;
    people[1].hears(&hello).await?;
    let refused = json!({ "members": [people[4].did] });
    let members = format!("/v1/conversations/{group}/members");
    let answer = people[1].api().post(&members, refused).await?;
    ensure!(answer.status == 403, "the creator is there and was not asked: {}", answer.text);

    let mut alice = people.remove(0);
    alice.node.kill().await?;
    let [bob, carol, dora, erin] = &people[..] else { unreachable!("four are left") };
    until("Bob missing Alice", async || {
        let view = bob.get(&format!("/v1/conversations/{group}")).await?;
        let alice = items(&view, "members").find(|member| member["persona"] == *alice.did);
        Ok(alice.is_some_and(|alice| alice["online"] == false).then_some(()))
    })
    .await?;

    let decided = Instant::now();
    bob.post(&members, json!({ "members": [erin.did] })).await?;
    for person in [bob, carol, dora, erin] {
        let view = shows(person, &group, "Erin in the group", |view| has(view, erin)).await?;
        ensure!(view["sequencer"] == *bob.did, "{view:#}");
    }
    println!("added after {:.1} s", decided.elapsed().as_secs_f64());
    ensure!(decided.elapsed() < WITHIN, "adding took {:?}", decided.elapsed());

    let decided = Instant::now();
    let answer = bob.api().delete(&format!("{members}/{}", dora.did)).await?;
    ensure!(answer.status < 300, "{}: {}", answer.status, answer.text);
    for person in [bob, carol, erin] {
        shows(person, &group, "Dora gone", |view| !has(view, dora)).await?;
    }
    println!("removed after {:.1} s", decided.elapsed().as_secs_f64());
    ensure!(decided.elapsed() < WITHIN, "removing took {:?}", decided.elapsed());

    let secret = erin.say(&group, "only us now").await?;
    for person in [bob, carol] {
        let heard = person.hears(&secret).await?;
        ensure!(text(&heard, "text")? == "only us now", "{heard:#}");
    }
    let answer = dora.api().get(&format!("/v1/messages/{secret}")).await?;
    ensure!(answer.status == 404, "Dora reads what she should not: {}", answer.text);
    Ok(())
}
