//! The engine's part: an answer to every request about the few things it knows.

use engine::{
    Reply, Request, RequestError,
    request::{ConversationKind, DiscoveredView, LocalId},
    view::{
        ApprovalView, AskedView, AuditView, ContactState, ContactView, ConversationView,
        DeliveryState, DeliveryView, EditView, ExcerptPart, FileState, FileView, FindingView,
        HitView, InquiryView, LastMessageView, MandateView, MemberView, MessageView, NetworkView,
        PeerView, PersonaView, ProposalView, QueueView, QueuedView, QuoteView, ReactionView,
        RejoinView, StepView, TaskView, VoterView, WaitingView,
    },
};
use protocol::{
    decision::{
        Base, Caster, Choice, Fraction, Mandate, Method, Reach, Rule, SignedMandate, Topic,
    },
    file::{FileContent, FileKey},
    identity::{ConversationId, FileId, Handle, MessageId, PersonaId, PersonaKey, ProposalId},
};

pub(crate) const T: u64 = 1_795_197_600_120;
pub(crate) const CONVERSATION: ConversationId = ConversationId([1; 16]);
pub(crate) const MESSAGE: MessageId = MessageId([2; 16]);
pub(crate) const PROPOSAL: ProposalId = ProposalId([3; 32]);
pub(crate) const TASK: LocalId = LocalId([4; 16]);
pub(crate) const APPROVAL: LocalId = LocalId([5; 16]);
pub(crate) const CERTIFICATE: &str = r#"{"certificate": true}"#;

pub(crate) const FILE: FileId = FileId([6; 32]);
/// A picture by its first bytes, and nothing else behind them.
pub(crate) const BYTES: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";

pub(crate) fn file() -> FileContent {
    FileContent {
        file: FILE,
        key: FileKey([9; 32]),
        size: BYTES.len() as u64,
        chunk_bytes: protocol::file::CHUNK_BYTES,
        media_type: "text/html".into(),
        name: "süß.png".into(),
        caption: String::new(),
    }
}

pub(crate) fn file_view() -> FileView {
    FileView {
        id: FILE,
        name: file().name,
        size: file().size,
        media_type: file().media_type,
        caption: "look".into(),
        state: FileState::Here,
        have: file().size,
        reason: None,
    }
}

pub(crate) fn maya() -> PersonaId {
    PersonaKey::from_seed(&[7; 32]).id()
}

pub(crate) fn bob() -> PersonaId {
    PersonaKey::from_seed(&[8; 32]).id()
}

pub(crate) fn answer(request: Request) -> Result<Reply, RequestError> {
    let known =
        |holds: bool, what| if holds { Ok(()) } else { Err(RequestError::NotFound { what }) };
    match request {
        Request::CreatePersona { name, .. } if name.is_empty() => {
            Err(RequestError::Invalid { field: "name", reason: "1 to 64 bytes".into() })
        }
        Request::CreatePersona { .. } | Request::UpdatePersona { .. } => {
            Ok(Reply::Persona(persona()))
        }
        Request::ListPersonas => Ok(Reply::Personas(vec![persona()])),
        Request::Discover(_) => Ok(Reply::Discovered(DiscoveredView {
            persona: bob(),
            name: "Bob".into(),
            handle: handle(bob(), "bob"),
            home_node: "ab".repeat(32),
            capabilities: vec!["scheduling"],
            expires_at_ms: T,
        })),
        Request::CreateInvite { .. } => {
            Ok(Reply::Invite { link: "conclave:invite:abc".into(), expires_at_ms: T })
        }
        Request::AddContact { persona, .. } if persona == bob() => {
            Err(RequestError::Forbidden { reason: "not a persona of this node".into() })
        }
        Request::AddContact { .. } => Ok(Reply::Contact(contact())),
        Request::ListContacts { .. } => Ok(Reply::Contacts(vec![contact()])),
        Request::OpenConversation { members, .. } if members.is_empty() => {
            Err(RequestError::Unavailable { reason: "nobody is there".into() })
        }
        Request::OpenConversation { .. } => Ok(Reply::Conversation(conversation())),
        Request::ListConversations => Ok(Reply::Conversations(vec![conversation()])),
        Request::GetConversation(id) => {
            known(id == CONVERSATION, "conversation")?;
            Ok(Reply::Conversation(conversation()))
        }
        Request::AddMembers { .. } => Ok(Reply::Conversation(conversation())),
        Request::RemoveMember { .. } => Ok(Reply::Done),
        Request::Rejoin { .. } => Ok(Reply::Conversation(conversation())),
        Request::Send { text, .. } if text == "again" => {
            Err(RequestError::Conflict { reason: "the key was used for another text".into() })
        }
        Request::Send { text, .. } if text == "bug" => {
            Err(RequestError::Internal { reason: "secret detail".into() })
        }
        Request::Send { conversation, .. } => {
            known(conversation == CONVERSATION, "conversation")?;
            Ok(Reply::Accepted { message: MESSAGE })
        }
        Request::ListMessages { .. } => {
            Ok(Reply::Messages { messages: vec![message("hello")], next: Some(MESSAGE) })
        }
        // Two steps: one finds nothing yet, the next something.
        Request::Search { before: None, question, .. } if question == "far" => {
            Ok(Reply::Found { hits: vec![], next: Some(40) })
        }
        Request::Search { before, limit, .. } => {
            let hits = vec![hit(); limit.min(2)];
            Ok(Reply::Found { hits, next: before.filter(|place| *place > 7).map(|_| 7) })
        }
        Request::GetMessage(id) => {
            known(id == MESSAGE, "message")?;
            Ok(Reply::Message(message("hello")))
        }
        Request::Note { .. } => Ok(Reply::Done),
        Request::GetFile(id) | Request::FetchFile(id) | Request::StopFile(id) => {
            known(id == FILE, "file")?;
            Ok(Reply::File { view: file_view().into(), content: file().into() })
        }
        Request::AddFile(content) => {
            Ok(Reply::File { view: file_view().into(), content: content.into() })
        }
        Request::SendFile { .. } => Ok(Reply::Accepted { message: MESSAGE }),
        Request::ListEdits(id) => {
            known(id == MESSAGE, "message")?;
            let edit = |text: &str| EditView { text: text.into(), sent_at_ms: T };
            Ok(Reply::Edits(vec![edit("helo"), edit("hello")]))
        }
        Request::React { .. } | Request::EditMessage { .. } | Request::DeleteMessage { .. } => {
            Ok(Reply::Accepted { message: MESSAGE })
        }
        Request::Propose { .. } => Ok(Reply::Proposal(Box::new(proposal()))),
        Request::ListProposals { .. } => Ok(Reply::Proposals(vec![proposal()])),
        Request::Vote { proposal: PROPOSAL, alone: true, .. } => {
            Ok(Reply::Asked(Box::new(proposal())))
        }
        Request::ListMandates { .. } => Ok(Reply::Mandates(vec![mandate()])),
        Request::GrantMandate { .. } => Ok(Reply::Mandate(mandate())),
        Request::RevokeMandate { number, .. } => {
            known(number == 3, "mandate")?;
            Ok(Reply::Mandate(mandate()))
        }
        Request::GetProposal(id) | Request::Vote { proposal: id, .. } => {
            known(id == PROPOSAL, "proposal")?;
            Ok(Reply::Proposal(Box::new(proposal())))
        }
        Request::GetCertificate(id) => {
            known(id == PROPOSAL, "proposal")?;
            Ok(Reply::Certificate(CERTIFICATE.into()))
        }
        Request::Inquire { inquiry, .. } if inquiry.turn_ms == Some(0) => {
            Err(RequestError::Invalid { field: "turn_ms", reason: "too short".into() })
        }
        Request::Inquire { .. } => Ok(Reply::Inquiry(Box::new(inquiry()))),
        Request::ListInquiries { .. } => Ok(Reply::Inquiries(vec![inquiry()])),
        Request::GetInquiry(id) | Request::Answer { inquiry: id, .. } => {
            known(id == MESSAGE, "inquiry")?;
            Ok(Reply::Inquiry(Box::new(inquiry())))
        }
        Request::CreateTask { .. } => Ok(Reply::Task(task())),
        Request::ListTasks => Ok(Reply::Tasks(vec![task()])),
        Request::GetTask(id) => {
            known(id == TASK, "task")?;
            Ok(Reply::Task(task()))
        }
        Request::ListApprovals => Ok(Reply::Approvals(vec![approval()])),
        Request::Decide { approval, .. } => {
            known(approval == APPROVAL, "approval")?;
            Ok(Reply::Done)
        }
        Request::ListQueue => Ok(Reply::Queue(QueueView {
            envelopes: 3,
            bytes: 1536,
            oldest_ms: Some(T),
            recipients: vec![WaitingView {
                recipient: bob(),
                name: "Bob".into(),
                online: false,
                last_seen_ms: Some(T),
                next_try_ms: None,
                mailboxes: 3,
                envelopes: 3,
                bytes: 1536,
                stored: 2,
                oldest_ms: T,
            }],
            messages: vec![QueuedView {
                message: MESSAGE,
                conversation: CONVERSATION,
                author: maya(),
                created_at_ms: T,
                waiting: vec![bob()],
                cancellable: true,
            }],
        })),
        Request::Retry { recipient } => {
            known(recipient == bob(), "recipient with waiting mail")?;
            Ok(Reply::Done)
        }
        Request::CancelMessage(id) => {
            known(id == MESSAGE, "waiting message")?;
            Ok(Reply::Done)
        }
        Request::GetNetwork => Ok(Reply::Network(NetworkView {
            node: "cd".repeat(32),
            addresses: vec!["/ip4/127.0.0.1/tcp/4001".into()],
            told: vec!["/ip4/192.0.2.7/tcp/4001".into()],
            reachability: "relayed",
            findings: vec![FindingView {
                level: "note",
                about: "reachability",
                words: "Others come through one relay.".into(),
                remedy: Some("Set a second --bootstrap node.".into()),
            }],
            peers: vec![PeerView {
                path: "relayed",
                node: "ef".repeat(32),
                address: "/ip4/127.0.0.1/udp/4001/quic-v1".into(),
                transport: "quic",
                rtt_ms: Some(120),
                contacts: vec!["Bob".into()],
            }],
            routing_table: 3,
        })),
        Request::ListAudit => Ok(Reply::Audit(vec![AuditView {
            at_ms: T,
            persona: Some(maya()),
            by: None,
            action: "availability.answered".into(),
            detail: "told Bob".into(),
        }])),
    }
}

fn handle(persona: PersonaId, name: &str) -> String {
    Handle::new(name, &persona).unwrap().to_string()
}

pub(crate) fn persona() -> PersonaView {
    PersonaView {
        id: maya(),
        name: "Maya".into(),
        handle: handle(maya(), "maya"),
        settings: Default::default(),
        calendar: None,
        created_at_ms: T,
        published: true,
    }
}

fn contact() -> ContactView {
    ContactView {
        owner: maya(),
        persona: bob(),
        name: "Bob".into(),
        handle: handle(bob(), "bob"),
        tier: "known",
        state: ContactState::Established,
        online: true,
        path: "direct",
        last_seen_ms: Some(T),
    }
}

fn conversation() -> ConversationView {
    ConversationView {
        id: CONVERSATION,
        persona: maya(),
        kind: ConversationKind::Group,
        title: "Dinner".into(),
        members: vec![MemberView {
            persona: bob(),
            name: "Bob".into(),
            ours: false,
            online: true,
            rejoined_at_ms: Some(T),
        }],
        sequencer: maya(),
        epoch: 2,
        active: true,
        rejoin: Some(RejoinView::Asking { since_ms: T, asked: 2 }),
        created_at_ms: T,
        last_activity_ms: T + 1,
        last_message: Some(LastMessageView {
            id: MESSAGE,
            author: maya(),
            author_name: "Maya".into(),
            committed_at_ms: T,
            kind: "text",
            text: "hello".into(),
        }),
    }
}

pub(crate) fn message(text: &str) -> MessageView {
    let delivery = |seed, state| DeliveryView {
        recipient: PersonaKey::from_seed(&[seed; 32]).id(),
        state,
        at_ms: T,
    };
    MessageView {
        id: MESSAGE,
        conversation: CONVERSATION,
        author: maya(),
        author_name: "Maya".into(),
        ours: true,
        sent_at_ms: T,
        committed_at_ms: T,
        kind: "text",
        text: text.into(),
        proposal: None,
        file: None,
        seq: 7,
        reply_to: Some(MessageId([9; 16])),
        quoted: Some(QuoteView { author: bob(), author_name: "Bob".into(), text: "hi".into() }),
        reactions: vec![ReactionView { emoji: "👍".into(), by: vec![bob()] }],
        edited_at_ms: Some(T + 5),
        deleted_at_ms: None,
        deliveries: vec![delivery(8, DeliveryState::Delivered), delivery(9, DeliveryState::Queued)],
    }
}

fn hit() -> HitView {
    let part = |text: &str, hit| ExcerptPart { text: text.into(), hit };
    HitView {
        id: MESSAGE,
        conversation: CONVERSATION,
        author: bob(),
        author_name: "Bob".into(),
        ours: false,
        sent_at_ms: T,
        kind: "text",
        excerpt: vec![part("some ", false), part("soup", true)],
    }
}

fn inquiry() -> InquiryView {
    let asked = |persona: PersonaId, standing, text: Option<&str>| AskedView {
        persona,
        name: "Somebody".into(),
        ours: persona == maya(),
        standing,
        text: text.map(str::to_owned),
        answered_at_ms: text.map(|_| T),
        had_seen: vec![],
    };
    InquiryView {
        id: MESSAGE,
        conversation: CONVERSATION,
        asker: bob(),
        asker_name: "Bob".into(),
        way: "sequential",
        question: "What shall we cook?".into(),
        asked_at_ms: T,
        deadline_ms: T + 120_000,
        turn_ms: 60_000,
        turn_ends_at_ms: Some(T + 60_000),
        enough: Fraction { num: 7, den: 10 },
        phase: "open",
        waiting: "it is the turn of Somebody; 1 of 2 answered".into(),
        answered: 1,
        asked: vec![asked(maya(), "answered", Some("Soup")), asked(bob(), "due", None)],
    }
}

fn proposal() -> ProposalView {
    let voter = |persona, choice: Option<Choice>| VoterView {
        persona,
        name: "Somebody".into(),
        ours: persona == maya(),
        hidden: false,
        by: choice.as_ref().map(|_| Caster::Persona(SignedMandate::sign(terms(), &key()))),
        choice,
        void: false,
    };
    ProposalView {
        id: PROPOSAL,
        conversation: CONVERSATION,
        persona: maya(),
        proposer: bob(),
        question: "Pizza?".into(),
        options: vec![],
        rule: Rule::Threshold { num: 7, den: 10, base: Base::Electorate, quorum: 1 },
        opens_at_ms: T,
        deadline_ms: T + 1000,
        early_close: true,
        phase: "open",
        waiting: "open until the deadline".into(),
        voters: vec![voter(maya(), Some(Choice::Yes)), voter(bob(), None)],
        tally: vec![1, 0, 0],
        cast: 1,
        outcome: None,
        winners: vec![],
        tie: false,
        certified: false,
        receipts: None,
        receipts_needed: 3,
        evidence: Vec::new(),
        reminded: true,
        approval: Some(APPROVAL),
    }
}

fn key() -> PersonaKey {
    PersonaKey::from_seed(&[7; 32])
}

fn terms() -> Mandate {
    Mandate {
        number: 3,
        reach: Reach::Conversation(CONVERSATION),
        topic: Topic::Times,
        methods: [Method::Approval].into_iter().collect(),
        granted_at_ms: T,
        expires_at_ms: T + 60_000,
    }
}

fn mandate() -> MandateView {
    MandateView {
        persona: maya(),
        mandate: terms(),
        covers: terms().in_words(),
        revoked_at_ms: None,
        state: "standing",
    }
}

fn task() -> TaskView {
    TaskView {
        id: TASK,
        persona: maya(),
        text: "dinner with Bob".into(),
        state: "done",
        steps: vec![StepView { at_ms: T, text: "asked Bob".into() }],
        question: None,
        conversation: Some(CONVERSATION),
        proposal: Some(PROPOSAL),
        slot: serde_json::from_value(serde_json::json!({"start_ms": T, "end_ms": T + 60_000}))
            .unwrap(),
        result: Some("dinner on Friday".into()),
        created_at_ms: T,
    }
}

fn approval() -> ApprovalView {
    ApprovalView {
        id: APPROVAL,
        persona: maya(),
        kind: "contact",
        summary: "Bob wants to be a contact".into(),
        from: Some(bob()),
        from_name: Some("Bob".into()),
        created_at_ms: T,
        expires_at_ms: T + 1000,
    }
}
