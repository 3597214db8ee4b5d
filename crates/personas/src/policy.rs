//! The gate in front of everything a persona does.
//!
//! [`decide`] is the only judge, and it denies what no rule allows. It sees who is behind an
//! action and what the owner permits, never what a peer wrote, so no wording can talk it round.
//! [`Verdict::Ask`] is satisfied by the owner alone.

use crate::{
    settings::{PrivacyLevel, Settings},
    trust::Tier,
};

/// Something a persona might do because a peer, or its owner, wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Tell a peer which of its slots are free.
    AnswerAvailability,
    /// Cast a vote in the owner's name.
    CastVote {
        /// Whether the proposal is about a time for a meeting.
        scheduling: bool,
        /// Whether the owner has signed a mandate that covers it.
        mandated: bool,
    },
    /// Write an agreed meeting into the owner's calendar.
    BookEvent,
    /// Take a tentative or agreed meeting out again, because the decision did not stand.
    CancelEvent,
    /// Ask peers for their availability, or put times to the vote.
    ProposeTimes,
    /// Send text that was written freely.
    SendText,
    /// Send one of the persona's own filled-in sentences.
    SendTemplate,
    /// Make a stranger a contact.
    AcceptContact,
    /// Take part in a conversation one was added to.
    JoinConversation,
    /// React to being spoken to.
    AnswerMention {
        /// In a group rather than directly.
        group: bool,
    },
    /// Commit the owner to something that costs money.
    MakeReservation,
}

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Do it.
    Allow,
    /// Do it once the owner agrees.
    Ask {
        /// Why the owner is asked, for the owner.
        reason: String,
    },
    /// Do not do it.
    Deny {
        /// Why not, for the owner's log. Never sent to the peer.
        reason: String,
    },
}

/// Whether the persona may do this for someone of this tier.
///
/// Blocked peers get nothing. Unknown peers get nothing but a question to the owner whether to
/// accept them. The owner, [`Tier::Operator`], is limited only by the capabilities set.
pub fn decide(action: &Action, tier: Tier, settings: &Settings) -> Verdict {
    match tier {
        Tier::Blocked => return deny("this peer is blocked"),
        Tier::Unknown if *action == Action::AcceptContact => {
            return ask("someone new would like to be a contact");
        }
        Tier::Unknown => return deny("this peer is not a contact"),
        Tier::Known | Tier::Trusted | Tier::Operator => {}
    }
    if let Some(reason) = missing_capability(action, settings) {
        return deny(reason);
    }
    // Not even the owner's own question is voted on without the owner, unless that was allowed.
    if tier == Tier::Operator && !matches!(action, Action::CastVote { .. }) {
        return Verdict::Allow;
    }
    match action {
        Action::AnswerAvailability => answer_availability(tier, settings),
        Action::CastVote { mandated: true, .. } => Verdict::Allow,
        Action::CastVote { scheduling: true, .. } => ask("there is a vote on a time"),
        Action::CastVote { .. } => ask("no mandate covers this vote"),
        Action::BookEvent | Action::CancelEvent if settings.auto_book => Verdict::Allow,
        Action::BookEvent => ask("a meeting was agreed and is not in your calendar yet"),
        Action::CancelEvent => ask("a meeting in your calendar no longer stands"),
        Action::ProposeTimes => ask("only you start looking for a time"),
        Action::SendText => ask("this text would be sent in your name"),
        Action::SendTemplate | Action::AcceptContact | Action::JoinConversation => Verdict::Allow,
        Action::AnswerMention { group: true } if settings.allow_group_mentions => Verdict::Allow,
        Action::AnswerMention { group: false } if settings.allow_direct_mentions => Verdict::Allow,
        Action::AnswerMention { .. } => deny("mentions of this kind are switched off"),
        Action::MakeReservation => ask("this costs money"),
    }
}

/// Whether one more conversation may be opened when so many are.
pub fn admit_conversation(open: usize, settings: &Settings) -> Verdict {
    if open < usize::from(settings.max_concurrent_conversations) {
        Verdict::Allow
    } else {
        deny("as many conversations are open as the settings allow")
    }
}

fn missing_capability(action: &Action, settings: &Settings) -> Option<&'static str> {
    match action {
        Action::AnswerAvailability | Action::BookEvent | Action::CancelEvent
            if !settings.can_access_calendar =>
        {
            Some("the persona has no access to the calendar")
        }
        Action::AnswerAvailability
        | Action::BookEvent
        | Action::ProposeTimes
        | Action::CastVote { scheduling: true, .. }
            if !settings.can_schedule =>
        {
            Some("scheduling is switched off")
        }
        Action::MakeReservation if !settings.can_make_reservations => {
            Some("reservations are switched off")
        }
        _ => None,
    }
}

fn answer_availability(tier: Tier, settings: &Settings) -> Verdict {
    if !settings.auto_schedule {
        return ask("a contact asks when you are free");
    }
    if settings.privacy == PrivacyLevel::Strict && tier < Tier::Trusted {
        return ask("a contact you have not marked as trusted asks when you are free");
    }
    Verdict::Allow
}

fn ask(reason: &str) -> Verdict {
    Verdict::Ask { reason: reason.to_owned() }
}

fn deny(reason: &str) -> Verdict {
    Verdict::Deny { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Action; 15] = [
        Action::AnswerAvailability,
        Action::CastVote { scheduling: true, mandated: false },
        Action::CastVote { scheduling: false, mandated: false },
        Action::BookEvent,
        Action::CancelEvent,
        Action::ProposeTimes,
        Action::SendText,
        Action::SendTemplate,
        Action::AcceptContact,
        Action::JoinConversation,
        Action::AnswerMention { group: true },
        Action::AnswerMention { group: false },
        Action::CastVote { scheduling: true, mandated: true },
        Action::CastVote { scheduling: false, mandated: true },
        Action::MakeReservation,
    ];

    fn generous() -> Settings {
        Settings {
            privacy: PrivacyLevel::Open,
            auto_schedule: true,
            auto_vote: true,
            auto_book: true,
            can_make_reservations: true,
            ..Settings::default()
        }
    }

    #[test]
    fn a_blocked_peer_gets_nothing_whatever_the_settings() {
        for settings in [Settings::default(), generous()] {
            for action in ALL {
                let verdict = decide(&action, Tier::Blocked, &settings);
                assert!(matches!(verdict, Verdict::Deny { .. }), "{action:?}");
            }
        }
    }

    #[test]
    fn a_stranger_gets_a_contact_request_put_to_the_owner_and_nothing_else() {
        for settings in [Settings::default(), generous()] {
            for action in ALL {
                match decide(&action, Tier::Unknown, &settings) {
                    Verdict::Ask { .. } => assert_eq!(action, Action::AcceptContact),
                    Verdict::Deny { .. } => assert_ne!(action, Action::AcceptContact),
                    Verdict::Allow => panic!("{action:?} allowed"),
                }
            }
        }
    }

    #[test]
    fn by_default_a_contact_gets_no_answer_vote_or_booking_without_the_owner() {
        for tier in [Tier::Known, Tier::Trusted] {
            for action in &ALL[..5] {
                let verdict = decide(action, tier, &Settings::default());
                assert!(matches!(verdict, Verdict::Ask { .. }), "{action:?} {tier:?}");
            }
        }
    }

    #[test]
    fn what_is_switched_on_covers_times_and_never_votes() {
        let settings = generous();
        let known = |action| decide(&action, Tier::Known, &settings);
        assert_eq!(known(Action::AnswerAvailability), Verdict::Allow);
        assert_eq!(known(Action::BookEvent), Verdict::Allow);
        for scheduling in [true, false] {
            let vote = Action::CastVote { scheduling, mandated: false };
            assert!(matches!(known(vote), Verdict::Ask { .. }), "the setting alone is no mandate");
        }
        assert!(matches!(known(Action::SendText), Verdict::Ask { .. }));
        assert!(matches!(known(Action::MakeReservation), Verdict::Ask { .. }));
    }

    #[test]
    fn nobody_is_voted_for_without_a_mandate_and_no_stranger_with_one() {
        for settings in [Settings::default(), generous()] {
            for tier in Tier::ALL {
                for scheduling in [true, false] {
                    let vote = |mandated| {
                        decide(&Action::CastVote { scheduling, mandated }, tier, &settings)
                    };
                    assert_ne!(vote(false), Verdict::Allow, "{tier:?}");
                    assert_eq!(vote(true) == Verdict::Allow, tier.is_contact(), "{tier:?}");
                }
            }
        }
        let never = Settings { can_schedule: false, ..generous() };
        let vote = Action::CastVote { scheduling: true, mandated: true };
        assert!(matches!(decide(&vote, Tier::Operator, &never), Verdict::Deny { .. }));
    }

    #[test]
    fn strict_privacy_answers_only_trusted_contacts_alone() {
        let settings = Settings { privacy: PrivacyLevel::Strict, ..generous() };
        let verdict = |tier| decide(&Action::AnswerAvailability, tier, &settings);
        assert!(matches!(verdict(Tier::Known), Verdict::Ask { .. }));
        assert_eq!(verdict(Tier::Trusted), Verdict::Allow);
    }

    #[test]
    fn what_the_persona_cannot_do_is_denied_even_to_its_owner() {
        let settings = Settings { can_access_calendar: false, ..generous() };
        let verdict = decide(&Action::BookEvent, Tier::Operator, &settings);
        assert!(matches!(verdict, Verdict::Deny { .. }));
        let verdict = decide(&Action::MakeReservation, Tier::Operator, &Settings::default());
        assert!(matches!(verdict, Verdict::Deny { .. }));
    }

    #[test]
    fn switched_off_mentions_are_denied() {
        let settings = Settings { allow_group_mentions: false, ..generous() };
        let verdict = |group| decide(&Action::AnswerMention { group }, Tier::Trusted, &settings);
        assert!(matches!(verdict(true), Verdict::Deny { .. }));
        assert_eq!(verdict(false), Verdict::Allow);
    }

    #[test]
    fn more_trust_never_allows_less() {
        let weight = |verdict| match verdict {
            Verdict::Deny { .. } => 0,
            Verdict::Ask { .. } => 1,
            Verdict::Allow => 2,
        };
        for settings in [Settings::default(), generous()] {
            for action in ALL.into_iter().filter(|action| *action != Action::AcceptContact) {
                let verdicts = Tier::ALL.map(|tier| weight(decide(&action, tier, &settings)));
                assert!(verdicts.is_sorted(), "{action:?} {verdicts:?}");
            }
        }
    }

    #[test]
    fn conversations_are_counted() {
        let settings = Settings { max_concurrent_conversations: 2, ..Settings::default() };
        assert_eq!(admit_conversation(1, &settings), Verdict::Allow);
        assert!(matches!(admit_conversation(2, &settings), Verdict::Deny { .. }));
    }
}
