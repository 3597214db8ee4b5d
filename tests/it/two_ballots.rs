//! A node is copied, and the copy and the original each sign another ballot: the vote is void,
//! everyone can prove why, and the certificate says so.
//!
//! Nothing in the program helps with that. A backup brought back at the wrong moment does it.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::{
    Node, Setup, World,
    people::Person,
    rest::{items, text},
    until::until,
};

use crate::verify::{verify, verify_json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_two_ballots_is_void_and_named_by_everyone() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut people = Vec::new();
    // Without mailboxes nothing is left for those who are off.
    for name in ["Alice", "Bob", "Carol", "Mallory"] {
        let person = Person::new(&world, name, Setup::default()).await?;
        if let Some(host) = people.first() {
            person.meet(host).await?;
        }
        people.push(person);
    }
    let guests: Vec<&Person> = people[1..].iter().collect();
    let group = people[0].open(&guests, Some("Four")).await?;
    for person in &people {
        let id = person.say(&group, "here").await?;
        person.delivered(&id).await?;
    }
    let deadline = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(15);
    // Three yes votes of four would end it before the fourth is cast and the lie is seen.
    let body = json!({
        "question": "Shall we meet?", "deadline": deadline.to_string(), "early_close": false,
    });
    let asked = people[0].post(&format!("/v1/conversations/{group}/proposals"), body).await?;
    let proposal = text(&asked, "id")?;
    for person in &people {
        until("everyone seeing the question", async || {
            let answer = person.api().get(&format!("/v1/proposals/{proposal}")).await?;
            Ok((answer.status == 200).then_some(()))
        })
        .await?;
    }

    let mut mallory = people.pop().expect("four were made");
    mallory.node.kill().await?;
    let mut copy = mallory.node.copy(&world, "mallory-copy")?;
    let [alice, bob, carol] = &mut people[..] else { unreachable!("three are left") };

    // Alice and Carol see the original say yes.
    bob.node.kill().await?;
    mallory.node.run().await?;
    vote(&mallory.node, &proposal, "yes").await?;
    sees(alice, &proposal, &mallory.did, "yes").await?;
    sees(carol, &proposal, &mallory.did, "yes").await?;
    mallory.node.kill().await?;

    // Bob sees the copy say no.
    alice.node.kill().await?;
    carol.node.kill().await?;
    bob.node.run().await?;
    copy.run().await?;
    vote(&copy, &proposal, "no").await?;
    sees(bob, &proposal, &mallory.did, "no").await?;
    copy.kill().await?;

    alice.node.run().await?;
    carol.node.run().await?;
    for person in &people {
        vote(&person.node, &proposal, "yes").await?;
    }
    let keys: Vec<&str> =
        people.iter().chain([&mallory]).map(|person| person.did.as_str()).collect();
    let mut digests = Vec::new();
    for person in &people {
        let view = person.certified(&proposal).await?;
        ensure!(view["outcome"] == "accepted" && view["cast"] == 3, "{view:#}");
        let void: Vec<_> = items(&view, "voters").filter(|v| v["void"] == true).collect();
        ensure!(void.len() == 1 && void[0]["persona"] == *mallory.did, "{view:#}");
        let evidence: Vec<_> = items(&view, "evidence").collect();
        ensure!(evidence.len() == 1, "{view:#}");
        ensure!(evidence[0]["persona"] == *mallory.did, "{view:#}");
        ensure!(evidence[0]["offence"] == "two_ballots", "{view:#}");

        let file = world.path(format!("{}.certificate.json", person.name));
        let certificate = person.certificate(&proposal).await?;
        std::fs::write(&file, &certificate)?;
        let verdict = verify(&file, &keys).await?;
        ensure!(verdict.code == 0 && verdict.output.starts_with("VALID"), "{verdict:?}");
        let told = verify_json(&file, &keys).await?;
        ensure!(told["void"] == json!([mallory.did]), "{told:#}");
        digests.push(text(&serde_json::from_str::<Value>(&certificate)?, "digest")?);
    }
    ensure!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");

    // The copy comes back and has to show the same.
    copy.run().await?;
    until("the copy having the certificate", async || {
        let answer = copy.api().get(&format!("/v1/proposals/{proposal}")).await?;
        Ok((answer.body["certified"] == true).then_some(()))
    })
    .await
}

async fn vote(node: &Node, proposal: &str, choice: &str) -> anyhow::Result<()> {
    let path = format!("/v1/proposals/{proposal}/ballots");
    node.api().post(&path, json!({ "choice": choice })).await?.ok()?;
    Ok(())
}

async fn sees(person: &Person, proposal: &str, voter: &str, choice: &str) -> anyhow::Result<()> {
    until(&format!("{} seeing a vote", person.name), async || {
        let view = person.get(&format!("/v1/proposals/{proposal}")).await?;
        let seen = items(&view, "voters").any(|v| v["persona"] == voter && v["choice"] == choice);
        Ok(seen.then_some(()))
    })
    .await
}
