//! Two people who are never awake together, and the mailboxes between them.

use std::{fs, time::Duration};

use anyhow::{Context, ensure};
use protocol::identity::{NodeId, PersonaId};
use serde_json::Value;
use store::{Dir, KeyRange, LedgerEngine, RootKey, TABLES, Table, open_ledger};
use tests::{
    Rendezvous, Setup, World,
    people::Person,
    planted::files,
    rest::{items, text},
    until::until,
};

const MESSAGES: usize = 1_000;
/// How often the two take turns until the last receipt is home.
const TURNS_MAX: usize = 8;
/// How long one of them is awake in a turn.
const AWAKE: Duration = Duration::from_secs(3);

/// Three mailboxes, which are the rendezvous too, and what a node is told of them.
async fn three(world: &World) -> anyhow::Result<(Vec<Rendezvous>, Setup)> {
    let mut mailboxes = Vec::new();
    for name in ["one", "two", "three"] {
        mailboxes.push(Rendezvous::named(world, name).await?);
    }
    let bootstrap = mailboxes.iter().flat_map(|mailbox| mailbox.addresses.clone()).collect();
    Ok((mailboxes, Setup { bootstrap, ..Setup::default() }))
}

fn count(messages: &[Value], state: &str) -> usize {
    messages.iter().filter(|message| message["state"] == state).count()
}

/// Whether a message is shown as held by at least two of its recipient's three mailboxes.
fn is_held(message: &Value) -> bool {
    let mut held = items(message, "deliveries").map(|delivery| &delivery["mailboxes"]);
    message["state"] == "stored"
        && held.all(|held| held["held"].as_u64() >= Some(2) && held["of"] == 3)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_cross_between_two_who_are_never_awake_together() -> anyhow::Result<()>
{
    let world = World::new()?;
    let (mut mailboxes, setup) = three(&world).await?;
    let mut alice = Person::new(&world, "Alice", setup.clone()).await?;
    let mut bob = Person::new(&world, "Bob", setup).await?;
    bob.meet(&alice).await?;
    let talk = alice.open(&[&bob], None).await?;
    let hello = alice.say(&talk, "Hello").await?;
    alice.delivered(&hello).await?;
    let traces = Traces::of(&[&alice, &bob]).await?;

    bob.node.stop().await?;
    for n in 0..MESSAGES {
        alice.say(&talk, &format!("message {n}")).await?;
    }
    until("two of three mailboxes holding every message", async || {
        let messages = alice.messages(&talk).await?;
        let held = messages.iter().filter(|message| is_held(message)).count();
        Ok((held == MESSAGES).then_some(()))
    })
    .await?;
    alice.node.stop().await?;

    // One is gone for good, and whoever finds its disk learns nothing about the two.
    mailboxes[1].kill().await?;
    let envelopes = traces.search(&mailboxes[1])?;
    ensure!(envelopes >= MESSAGES / 2, "only {envelopes} envelopes were there to be searched");

    bob.node.run().await?;
    until("the sleeper having every message", async || {
        Ok((bob.messages(&talk).await?.len() > MESSAGES).then_some(()))
    })
    .await?;
    let texts: Vec<Value> =
        bob.messages(&talk).await?.into_iter().map(|mut message| message["text"].take()).collect();
    let expected = std::iter::once("Hello".to_owned());
    let expected: Vec<String> =
        expected.chain((0..MESSAGES).map(|n| format!("message {n}"))).collect();
    ensure!(texts == expected, "not each of them once, in order: {texts:?}");

    // Receipts come the same way. How many turns that takes is the machine's affair; that the two
    // never meet is what counts.
    for turn in 1..=TURNS_MAX {
        tokio::time::sleep(AWAKE).await;
        bob.node.stop().await?;
        alice.node.run().await?;
        tokio::time::sleep(AWAKE).await;
        let delivered = count(&alice.messages(&talk).await?, "delivered");
        if delivered == MESSAGES + 1 {
            println!("every receipt was home after {turn} turns");
            return Ok(());
        }
        println!("turn {turn}: {delivered} delivered");
        alice.node.stop().await?;
        bob.node.run().await?;
    }
    anyhow::bail!("some receipts never came")
}

/// What would tell a mailbox's operator who the two are.
struct Traces(Vec<(String, Vec<u8>)>);

impl Traces {
    async fn of(people: &[&Person]) -> anyhow::Result<Self> {
        let mut traces: Vec<(String, Vec<u8>)> = Vec::new();
        for person in people {
            let mut add = |what: &str, bytes: &[u8]| {
                traces.push((format!("{}'s {what}", person.name), bytes.to_vec()));
            };
            add("persona", person.did.as_bytes());
            let persona: PersonaId = person.did.parse()?;
            add("persona, as bytes", persona.as_bytes());
            add("handle", person.handle.as_bytes());
            add("name", person.name.as_bytes());
            let network = person.get("/v1/network").await?;
            let node = text(&network, "node")?;
            add("node", node.as_bytes());
            let node: NodeId = node.parse()?;
            add("node, as bytes", node.as_bytes());
            for address in items(&network, "addresses").filter_map(Value::as_str) {
                let (bare, peer) = address.rsplit_once("/p2p/").context("a full address")?;
                add("address", bare.as_bytes());
                add("peer", peer.as_bytes());
            }
        }
        Ok(Self(traces))
    }

    /// Looks for them in every file of a mailbox that has ended, and in every row as whoever has
    /// its key reads it; how many envelopes were among these.
    fn search(&self, mailbox: &Rendezvous) -> anyhow::Result<usize> {
        for path in files(mailbox.folder())? {
            self.absent_from(&fs::read(&path)?, &path.display().to_string())?;
        }
        let data = mailbox.data();
        let key = RootKey::load_or_create(&data.join("root.key"))?;
        let ledger = open_ledger(&data.join("ledger"), LedgerEngine::Sqlite, &key)?;
        let mut envelopes = 0;
        for info in TABLES {
            let mut range = KeyRange::all();
            loop {
                let page = ledger.scan(info.table, range, Dir::Forward, 500)?;
                for (key, value) in &page.rows {
                    self.absent_from(key, info.name)?;
                    self.absent_from(value, info.name)?;
                    envelopes += usize::from(info.table == Table::Mail);
                }
                match page.next {
                    Some(next) => range = KeyRange::all().after(&next),
                    None => break,
                }
            }
        }
        // The search does find what is there.
        let log = fs::read(mailbox.folder().join("rendezvous.log"))?;
        ensure!(finds(&log, b"serving as a mailbox"), "the search is blind");
        Ok(envelopes)
    }

    fn absent_from(&self, bytes: &[u8], place: &str) -> anyhow::Result<()> {
        for (what, trace) in &self.0 {
            ensure!(!finds(bytes, trace), "{what} stands in {place}");
        }
        Ok(())
    }
}

fn finds(bytes: &[u8], trace: &[u8]) -> bool {
    bytes.windows(trace.len()).any(|window| window == trace)
}
