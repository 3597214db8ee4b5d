//! The whole way through the local API with `curl`: discover, meet, talk, decide, verify.

use anyhow::ensure;
use serde_json::{Value, json};
use tests::{
    Rendezvous, Setup, World,
    people::Person,
    rest::{items, text},
    skip::{has, skipped},
    until::until,
};

use crate::verify::verify;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_find_each_other_talk_and_decide() -> anyhow::Result<()> {
    let curl = has("curl");
    if !curl {
        skipped("calls through curl", "sudo apt-get install curl")?;
    }
    let world = World::new()?;
    let rendezvous = Rendezvous::start(&world).await?;
    let setup = Setup { bootstrap: rendezvous.addresses.clone(), curl, ..Setup::default() };
    let alice = Person::new(&world, "Alice", setup.clone()).await?;
    let bob = Person::new(&world, "Bob", setup.clone()).await?;
    let carol = Person::new(&world, "Carol", setup).await?;
    let all = [&alice, &bob, &carol];

    for (seeker, sought) in [(&alice, &bob), (&alice, &carol), (&carol, &alice)] {
        discover(seeker, sought).await?;
    }
    let nobody = alice.api().get("/v1/discover?handle=nobody%23zzzz").await?;
    ensure!(nobody.status == 404, "a handle nobody has: {}", nobody.text);

    bob.meet(&alice).await?;
    carol.meet(&alice).await?;

    let direct = alice.open(&[&bob], None).await?;
    for (sender, receiver, line) in
        [(&alice, &bob, "Hello Bob, \u{fc}\u{1f600}"), (&bob, &alice, "Hello Alice")]
    {
        let id = sender.say(&direct, line).await?;
        let heard = receiver.hears(&id).await?;
        ensure!(heard["text"] == line && heard["author"] == *sender.did, "{heard}");
        sender.delivered(&id).await?;
    }
    let third = carol.api().get(&format!("/v1/conversations/{direct}/messages")).await?;
    ensure!(third.status == 404, "a third must not know of it: {}", third.text);

    let group = alice.open(&[&bob, &carol], Some("Friends")).await?;
    for person in all {
        let id = person.say(&group, &format!("{} is here.", person.name)).await?;
        for other in all {
            other.hears(&id).await?;
        }
    }

    let accepted = decide(&world, &all, &group, ["yes", "yes", "yes"]).await?;
    ensure!(accepted == "accepted", "{accepted}");
    // Seven of ten must say yes, and two of three are fewer.
    let rejected = decide(&world, &all, &group, ["yes", "yes", "no"]).await?;
    ensure!(rejected == "rejected", "{rejected}");
    Ok(())
}

/// One finds another by its handle alone, through the DHT: they have never met.
async fn discover(seeker: &Person, sought: &Person) -> anyhow::Result<()> {
    let path = format!("/v1/discover?handle={}", sought.handle.replace('#', "%23"));
    // A card may still be on its way into the DHT.
    let found = until("finding a persona by its handle", async || {
        let answer = seeker.api().get(&path).await?;
        Ok((answer.status == 200).then_some(answer.body))
    })
    .await?;
    ensure!(found["persona"] == *sought.did, "{} leads elsewhere: {found}", sought.handle);
    Ok(())
}

/// A vote of three, and the judgement of a stranger on its certificate; returns the outcome.
async fn decide(
    world: &World,
    all: &[&Person; 3],
    group: &str,
    votes: [&str; 3],
) -> anyhow::Result<String> {
    let deadline = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(5);
    let body = json!({ "question": "Shall we meet on Friday?", "deadline": deadline.to_string() });
    let proposal = all[1].post(&format!("/v1/conversations/{group}/proposals"), body).await?;
    let proposal = text(&proposal, "id")?;
    for (voter, choice) in all.iter().zip(votes) {
        let path = format!("/v1/proposals/{proposal}/ballots");
        until("a ballot being cast", async || {
            let answer = voter.api().post(&path, json!({ "choice": choice })).await?;
            // The question may still be on its way to this voter.
            if answer.status == 404 { Ok(None) } else { answer.ok().map(Some) }
        })
        .await?;
        // A result that no further vote could change closes the vote, so each vote is seen by
        // everyone before the next is cast, and the one that settles it comes last.
        for person in all {
            until("a ballot being seen by everyone", async || {
                let answer = person.api().get(&format!("/v1/proposals/{proposal}")).await?;
                let seen = items(&answer.body, "voters")
                    .any(|row| row["persona"] == *voter.did && row["choice"] == choice);
                Ok(seen.then_some(()))
            })
            .await?;
        }
    }
    let mut outcomes = Vec::new();
    let mut digests = Vec::new();
    for person in all {
        let view = person.certified(&proposal).await?;
        ensure!(view["cast"] == 3, "every vote counts: {view}");
        for (voter, choice) in all.iter().zip(votes) {
            let found = items(&view, "voters").find(|row| row["persona"] == *voter.did);
            ensure!(found.is_some_and(|row| row["choice"] == choice), "{}: {view}", voter.name);
        }
        outcomes.push(text(&view, "outcome")?);
        let file = world.path(format!("{}-{proposal}.json", person.name));
        std::fs::write(&file, person.certificate(&proposal).await?)?;
        digests.push(judge(&file, all).await?);
    }
    ensure!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
    ensure!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    Ok(outcomes[0].clone())
}

/// Valid with all keys, unanchored without, invalid when touched. Returns the decision's digest.
async fn judge(file: &std::path::Path, all: &[&Person; 3]) -> anyhow::Result<String> {
    let keys: Vec<&str> = all.iter().map(|person| person.did.as_str()).collect();
    let all_known = verify(file, &keys).await?;
    ensure!(all_known.code == 0 && all_known.output.starts_with("VALID"), "{all_known:?}");
    for known in [&keys[..0], &keys[..2]] {
        let verdict = verify(file, known).await?;
        ensure!(verdict.code == 2 && verdict.output.starts_with("UNANCHORED"), "{verdict:?}");
    }
    let text = std::fs::read_to_string(file)?;
    let touched = file.with_extension("touched.json");
    std::fs::write(&touched, text.replacen("Friday", "Sunday", 1))?;
    let verdict = verify(&touched, &keys).await?;
    ensure!(verdict.code == 1 && verdict.output.starts_with("INVALID"), "{verdict:?}");
    let file: Value = serde_json::from_str(&text)?;
    tests::rest::text(&file, "digest")
}
