//! How long a group takes to decide.
//!
//! Everyone but one has voted and everyone knows it. Then the last ballot is cast, and the time
//! runs until every member's node has the certificate on its disk and says so. All members are
//! awake; what is measured is the software, the disk and the processors, not patience.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use engine::{
    Event, EventBody, Reply, Request,
    request::{ContactSource, ConversationKind},
    view::ProposalView,
};
use protocol::{
    decision::{self, Base, Choice, Quorum, Rule, SEALERS_MAX, TrustAnchors, Verdict},
    identity::{ConversationId, PersonaId, ProposalId},
};
use tokio::sync::broadcast;

use super::{Decisions, RUN_TIME_MAX, call, limits, persona, start_node};
use crate::running::Running;

/// Between two looks at what has no event of its own.
const LOOK: Duration = Duration::from_millis(10);
/// Bytes of a round trip that a group's message is compared with.
const MESSAGE_BYTES: usize = 512;

pub(super) async fn measure(options: &Decisions, folder: &Path) -> anyhow::Result<()> {
    let processors = std::thread::available_parallelism().map(usize::from).unwrap_or(1);
    println!("limits of this machine, {processors} processors");
    println!(
        "  flushes to disk a second (write 4 KiB, fdatasync)   {:>9.0}",
        limits::flushes_per_second(folder)?
    );
    println!(
        "  ed25519 sign + strict verify a second, one core     {:>9.0}",
        limits::signatures_per_second()?
    );
    println!(
        "  loopback TCP round trips a second, {MESSAGE_BYTES} B            {:>9.0}",
        limits::round_trips_per_second(MESSAGE_BYTES).await?
    );
    println!(
        "from the last ballot to the certificate on every member's disk, ledger {}, {} decisions each",
        options.ledger, options.rounds
    );
    println!("{}", HEAD);
    for size in &options.sizes {
        let nodes = options.nodes.clamp(1, *size);
        let folder = folder.join(size.to_string());
        let group = Group::start(*size, nodes, &options.ledger, &folder).await?;
        let mut rounds = Vec::new();
        for _ in 0..options.rounds.max(1) {
            rounds.push(group.decide().await.with_context(|| format!("{size} members"))?);
        }
        println!("{}", row(*size, nodes, &mut rounds));
        group.stop().await?;
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

const HEAD: &str = "members  nodes  sealers  quorum    p50 ms    p99 ms  frames sent  KiB sent  \
                    certificate B  verify ms";

fn row(size: usize, nodes: usize, rounds: &mut [Round]) -> String {
    rounds.sort_by_key(|round| round.took);
    let at = |percent: usize| &rounds[((rounds.len() - 1) * percent).div_ceil(100)];
    let sealers = size.min(SEALERS_MAX);
    let quorum = u16::try_from(sealers).map_or(0, |sealers| Quorum::of(sealers).q);
    let middle = at(50);
    format!(
        "{size:>7} {nodes:>6} {sealers:>8} {quorum:>7} {:>9.1} {:>9.1} {:>12} {:>9.0} {:>14} {:>10.2}",
        middle.took.as_secs_f64() * 1000.0,
        at(99).took.as_secs_f64() * 1000.0,
        middle.frames,
        middle.bytes as f64 / 1024.0,
        middle.certificate_bytes,
        middle.verified_in.as_secs_f64() * 1000.0,
    )
}

/// One decision.
struct Round {
    /// From the last ballot until everyone had the certificate.
    took: Duration,
    /// Frames all nodes sent each other for the whole decision, from the question on.
    frames: u64,
    bytes: u64,
    certificate_bytes: usize,
    verified_in: Duration,
}

/// A group of personas, all awake, spread evenly over some nodes.
struct Group {
    nodes: Vec<Running>,
    /// Each with the node it lives on.
    members: Vec<(PersonaId, usize)>,
    conversation: ConversationId,
}

impl Group {
    async fn start(size: usize, count: usize, ledger: &str, folder: &Path) -> anyhow::Result<Self> {
        ensure!((2..=decision::ELECTORATE_MAX).contains(&size), "groups have 2 to 100 members");
        let mut nodes = Vec::new();
        for index in 0..count {
            nodes.push(start_node(ledger, &folder.join(format!("node-{index}"))).await?);
        }
        let mut members = Vec::new();
        for index in 0..size {
            let home = index % count;
            members.push((persona(&nodes[home], &format!("Member {index}")).await?, home));
        }
        let mut group = Self { nodes, members, conversation: ConversationId([0; 16]) };
        group.meet().await?;
        let host = group.members[0].0;
        let open = Request::OpenConversation {
            persona: host,
            kind: ConversationKind::Group,
            members: group.members[1..].iter().map(|(member, _)| *member).collect(),
            title: Some("Bench".into()),
        };
        let Reply::Conversation(view) = call(&group.nodes[0], open).await? else {
            bail!("no conversation")
        };
        group.conversation = view.id;
        Ok(group)
    }

    /// Everyone becomes a contact of the first member.
    async fn meet(&self) -> anyhow::Result<()> {
        let host = self.members[0].0;
        for (member, home) in &self.members[1..] {
            let invite = Request::CreateInvite { persona: host };
            let Reply::Invite { link, .. } = call(&self.nodes[0], invite).await? else {
                bail!("no invite")
            };
            let peer = ContactSource::Invite(link);
            call(&self.nodes[*home], Request::AddContact { persona: *member, peer }).await?;
        }
        let began = Instant::now();
        loop {
            let list = Request::ListContacts { persona: Some(host) };
            let Reply::Contacts(views) = call(&self.nodes[0], list).await? else {
                bail!("no contacts")
            };
            let met =
                views.iter().filter(|view| view.state == engine::view::ContactState::Established);
            if met.count() + 1 == self.members.len() {
                return Ok(());
            }
            ensure!(began.elapsed() < RUN_TIME_MAX, "the members do not meet");
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn sent(&self) -> (u64, u64) {
        let mut sum = (0, 0);
        for node in &self.nodes {
            let (frames, bytes) = node.sent().await;
            sum = (sum.0 + frames, sum.1 + bytes);
        }
        sum
    }

    async fn decide(&self) -> anyhow::Result<Round> {
        let before = self.sent().await;
        let (proposer, _) = self.members[0];
        let propose = Request::Propose {
            conversation: self.conversation,
            persona: Some(proposer),
            question: "How long does this take?".into(),
            options: Vec::new(),
            rule: Rule::Threshold { num: 7, den: 10, base: Base::Electorate, quorum: 0 },
            deadline_ms: None,
            grace_ms: 0,
            // So that it is the last ballot that ends the vote.
            early_close: false,
        };
        let Reply::Proposal(view) = call(&self.nodes[0], propose).await? else {
            bail!("no proposal")
        };
        let id = view.id;
        let (last, others) = self.members.split_last().context("a group has members")?;
        self.until_all(id, |_| true).await?;
        for voter in others {
            self.vote(id, *voter).await?;
        }
        // Everyone knows all the other ballots, and every receipt for them has been seen.
        let cast = u32::try_from(others.len())?;
        let sealers = u16::try_from(self.members.len().min(SEALERS_MAX))?;
        let quiet = |view: &ProposalView| {
            view.cast == cast && view.receipts.is_none_or(|receipts| receipts == sealers)
        };
        self.until_all(id, quiet).await?;

        let mut told: Vec<_> = self.nodes.iter().map(Running::told).collect();
        let began = Instant::now();
        self.vote(id, *last).await?;
        for (index, told) in told.iter_mut().enumerate() {
            let here = self.members.iter().filter(|(_, home)| *home == index);
            let waiting = here.map(|(member, _)| *member).collect();
            tokio::time::timeout(RUN_TIME_MAX, decided(told, id, waiting))
                .await
                .context("no certificate")??;
        }
        let took = began.elapsed();
        // What is still on its way belongs to this decision.
        let after = self.sent_at_rest().await;
        let (certificate_bytes, verified_in) = self.verify(id).await?;
        let (frames, bytes) = (after.0 - before.0, after.1 - before.1);
        Ok(Round { took, frames, bytes, certificate_bytes, verified_in })
    }

    async fn vote(&self, proposal: ProposalId, voter: (PersonaId, usize)) -> anyhow::Result<()> {
        let (persona, home) = voter;
        let vote =
            Request::Vote { proposal, persona: Some(persona), choice: Choice::Yes, alone: false };
        call(&self.nodes[home], vote).await.map(drop)
    }

    /// Waits until every member sees a proposal as it should be.
    async fn until_all(
        &self,
        id: ProposalId,
        right: impl Fn(&ProposalView) -> bool,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut missing: BTreeSet<PersonaId> = self.members.iter().map(|(id, _)| *id).collect();
        while !missing.is_empty() {
            ensure!(began.elapsed() < RUN_TIME_MAX, "{} members lag behind", missing.len());
            for node in &self.nodes {
                let list = Request::ListProposals { conversation: Some(self.conversation) };
                let Reply::Proposals(views) = call(node, list).await? else { bail!("none") };
                for view in views.iter().filter(|view| view.id == id && right(view)) {
                    missing.remove(&view.persona);
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// What was sent, once nothing more is.
    async fn sent_at_rest(&self) -> (u64, u64) {
        let mut last = self.sent().await;
        loop {
            tokio::time::sleep(LOOK * 30).await;
            let now = self.sent().await;
            if now == last {
                return now;
            }
            last = now;
        }
    }

    /// How large the certificate is, and how long a stranger takes to check it.
    async fn verify(&self, id: ProposalId) -> anyhow::Result<(usize, Duration)> {
        let Reply::Certificate(file) = call(&self.nodes[0], Request::GetCertificate(id)).await?
        else {
            bail!("no certificate")
        };
        let certificate = decision::read_json(file.as_bytes())?;
        let anchors = TrustAnchors::new(self.members.iter().map(|(member, _)| *member));
        let began = Instant::now();
        let verdict = decision::verify(&certificate, &anchors);
        let took = began.elapsed();
        ensure!(matches!(verdict, Verdict::Valid(_)), "{verdict:?}");
        Ok((certificate.to_bytes().len(), took))
    }

    async fn stop(self) -> anyhow::Result<()> {
        for node in self.nodes {
            node.until(async {}).await?;
        }
        Ok(())
    }
}

/// Waits until all of these have said that it is decided, which they say once it is on disk.
async fn decided(
    told: &mut broadcast::Receiver<Event>,
    id: ProposalId,
    mut waiting: BTreeSet<PersonaId>,
) -> anyhow::Result<()> {
    while !waiting.is_empty() {
        let event = told.recv().await?;
        if let EventBody::ProposalUpdated { proposal, phase: "decided", .. } = event.body
            && proposal == id
            && let Some(persona) = event.persona
        {
            waiting.remove(&persona);
        }
    }
    Ok(())
}
