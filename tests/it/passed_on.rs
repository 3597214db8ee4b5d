//! Whoever puts a question to the vote is gone before everyone has it: those who have it pass it
//! on, and the others decide it together.

use anyhow::ensure;
use serde_json::json;
use tests::{Setup, World, people::Person, rest::text, until::until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_outlives_its_proposer_if_one_other_has_it() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut people = Vec::new();
    // Without mailboxes nothing is left for those who are off.
    for name in ["Alice", "Bob", "Carol", "Dora"] {
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

    people[2].node.kill().await?;
    people[3].node.kill().await?;
    let deadline = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(15);
    let body = json!({ "question": "Shall we meet?", "deadline": deadline.to_string() });
    let asked = people[0].post(&format!("/v1/conversations/{group}/proposals"), body).await?;
    let proposal = text(&asked, "id")?;
    sees(&people[1], &proposal).await?;
    people[0].node.kill().await?;

    let body = json!({ "choice": "yes" });
    let ballots = format!("/v1/proposals/{proposal}/ballots");
    people[1].post(&ballots, body.clone()).await?;
    for person in &mut people[2..] {
        person.node.run().await?;
    }
    for person in &people[2..] {
        sees(person, &proposal).await?;
        person.post(&ballots, body.clone()).await?;
    }
    for person in &people[1..] {
        let view = person.certified(&proposal).await?;
        ensure!(view["outcome"] == "accepted", "{view:#}");
    }

    // The proposer learns of it, and its own copy of the question is no second one to anybody.
    people[0].node.run().await?;
    people[0].certified(&proposal).await?;
    let id = people[0].say(&group, "back").await?;
    people[0].delivered(&id).await?;
    for person in &people {
        let messages = person.messages(&group).await?;
        let questions = messages.iter().filter(|message| message["kind"] == "proposal");
        let count = questions.filter(|message| message["proposal"] == *proposal).count();
        ensure!(count == 1, "{} shows the question {count} times: {messages:#?}", person.name);
    }
    Ok(())
}

async fn sees(person: &Person, proposal: &str) -> anyhow::Result<()> {
    until(&format!("{} seeing the question", person.name), async || {
        let answer = person.api().get(&format!("/v1/proposals/{proposal}")).await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await
}
