//! Ten nodes vote. Whoever asked is killed at once, two more while the votes come in, one of them
//! the member that was to lead: the other seven are just a quorum, and decide.

use anyhow::{Context, ensure};
use protocol::identity::{PersonaId, ProposalId};
use serde_json::{Value, json};
use tests::{
    Rendezvous, Setup, World,
    people::Person,
    rest::{items, text},
    until::until,
};

use crate::verify::verify;

const NAMES: [&str; 10] = ["Ann", "Ben", "Cem", "Dee", "Eli", "Fay", "Gus", "Hal", "Ida", "Jon"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seven_of_ten_decide_and_the_killed_learn_of_it_when_they_are_back() -> anyhow::Result<()> {
    let world = World::new()?;
    let rendezvous = Rendezvous::start(&world).await?;
    let setup = Setup { bootstrap: rendezvous.addresses.clone(), ..Setup::default() };
    let mut people = Vec::new();
    for name in NAMES {
        let person = Person::new(&world, name, setup.clone()).await?;
        if let Some(host) = people.first() {
            person.meet(host).await?;
        }
        people.push(person);
    }
    let guests: Vec<&Person> = people[1..].iter().collect();
    let group = people[0].open(&guests, Some("Ten")).await?;
    for person in &people {
        let id = person.say(&group, "here").await?;
        person.delivered(&id).await?;
    }

    let mut proposer = people.remove(4);
    let proposal = propose(&proposer, &group).await?;
    let first = until("the question reaching anybody", async || {
        for person in &people {
            if person.api().get(&format!("/v1/proposals/{proposal}")).await?.status == 200 {
                return Ok(Some(person.did.clone()));
            }
        }
        Ok(None)
    })
    .await?;
    proposer.node.kill().await?;
    // Perhaps nobody else has the question: then a vote is what tells the others of it.
    let voted = people.iter().position(|person| person.did == first).expect("one of them");
    vote(&people[voted], &proposal).await?;
    for person in &people {
        until(&format!("{} seeing the question", person.name), async || {
            let answer = person.api().get(&format!("/v1/proposals/{proposal}")).await?;
            Ok((answer.status == 200).then_some(()))
        })
        .await?;
    }

    // The first leader dies if it still lives, so a view is lost and patience with it runs out.
    let leaders = leaders(&people, &proposer, &proposal)?;
    let (doomed, spared) = (&leaders[0], &leaders[1]);
    let mut killed = vec![proposer];
    if let Some(leader) = people.iter().position(|person| person.did == *doomed) {
        killed.push(people.remove(leader));
    }
    while killed.len() < 3 {
        let other = people.iter().rposition(|person| person.did != *spared);
        killed.push(people.remove(other.context("nine are left")?));
    }
    // One of the two has voted before it dies, the other has not unless it was the first.
    let voters: Vec<&Person> = people.iter().filter(|person| person.did != first).collect();
    if killed[1].did != first {
        vote(&killed[1], &proposal).await?;
    }
    for voter in &voters[..3] {
        vote(voter, &proposal).await?;
    }
    for voter in voters[..3].iter().copied().chain([&killed[1]]) {
        sees_vote(&people[6], &proposal, voter).await?;
    }
    killed[1].node.kill().await?;
    killed[2].node.kill().await?;
    for voter in &voters[3..] {
        vote_unless_decided(voter, &proposal).await?;
    }

    let mut digests = Vec::new();
    let keys: Vec<String> = people.iter().chain(&killed).map(|person| person.did.clone()).collect();
    for person in &people {
        digests.push(judge(&world, person, &proposal, &keys).await?);
    }
    for person in &mut killed {
        person.node.run().await?;
    }
    for person in &killed {
        digests.push(judge(&world, person, &proposal, &keys).await?);
    }
    ensure!(
        digests.len() == 10 && digests.iter().all(|digest| *digest == digests[0]),
        "{digests:?}"
    );
    Ok(())
}

async fn propose(proposer: &Person, group: &str) -> anyhow::Result<String> {
    let deadline = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10);
    let body = json!({ "question": "Shall we meet?", "deadline": deadline.to_string() });
    text(&proposer.post(&format!("/v1/conversations/{group}/proposals"), body).await?, "id")
}

async fn vote(voter: &Person, proposal: &str) -> anyhow::Result<()> {
    voter.post(&format!("/v1/proposals/{proposal}/ballots"), json!({ "choice": "yes" })).await?;
    Ok(())
}

/// Seven of ten decide it early, so whoever votes after them may be told that it is closed.
async fn vote_unless_decided(voter: &Person, proposal: &str) -> anyhow::Result<()> {
    let path = format!("/v1/proposals/{proposal}/ballots");
    let answer = voter.api().post(&path, json!({ "choice": "yes" })).await?;
    if answer.status != 409 {
        answer.ok()?;
    }
    Ok(())
}

async fn sees_vote(person: &Person, proposal: &str, voter: &Person) -> anyhow::Result<()> {
    until(&format!("{} seeing the vote of {}", person.name, voter.name), async || {
        let view = person.get(&format!("/v1/proposals/{proposal}")).await?;
        let seen =
            items(&view, "voters").any(|v| v["persona"] == *voter.did && v["choice"] == "yes");
        Ok(seen.then_some(()))
    })
    .await
}

/// Who leads the views from the first on, by `protocol/spec/decision.md`.
fn leaders(people: &[Person], proposer: &Person, proposal: &str) -> anyhow::Result<Vec<String>> {
    let all = people.iter().chain([proposer]);
    let mut electorate: Vec<PersonaId> =
        all.map(|person| Ok(person.did.parse()?)).collect::<anyhow::Result<_>>()?;
    electorate.sort_unstable();
    let id: ProposalId = proposal.parse()?;
    let count = electorate.len();
    let start = u64::from_le_bytes(id.0[..8].try_into()?) % u64::try_from(count)?;
    electorate.rotate_left((usize::try_from(start)? + 1) % count);
    Ok(electorate.iter().map(ToString::to_string).collect())
}

/// A person's certificate, as a stranger with all keys sees it; returns the decision's digest.
async fn judge(
    world: &World,
    person: &Person,
    proposal: &str,
    keys: &[String],
) -> anyhow::Result<String> {
    let view = person.certified(proposal).await?;
    ensure!(view["outcome"] == "accepted", "{view:#}");
    let file = world.path(format!("{}.certificate.json", person.name));
    let certificate = person.certificate(proposal).await?;
    std::fs::write(&file, &certificate)?;
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let verdict = verify(&file, &keys).await?;
    ensure!(verdict.code == 0 && verdict.output.starts_with("VALID"), "{verdict:?}");
    text(&serde_json::from_str::<Value>(&certificate)?, "digest")
}
