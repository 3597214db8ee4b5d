//! What the liars do: anything they can sign, to whoever they like.

use rand::{Rng, seq::SliceRandom};

use super::{
    super::world::OPENS,
    arena::{Arena, DELAY_MS, VOTING_MS},
    member::Bytes,
};
use crate::{
    decision::{
        Ballot, Caster, Certificate, Choice, Confirm, Cut, CutContent, Digest, Entry, Held, Kind,
        Nullify, Proof, Report, RoundVote, Rule, SealerSignature, SignedMessage, Statement, commit,
    },
    identity::Signature,
};

/// Views the liars care about.
const VIEWS: u32 = 4;

impl Arena {
    pub(super) fn lie(&mut self) {
        let liars: Vec<u16> = self.liars.iter().copied().collect();
        let liar = *liars.choose(&mut self.rng).expect("lies are planned where there are liars");
        let camp = self.rng.r#gen();
        match self.rng.gen_range(0..12) {
            0 | 1 => self.lie_two_ballots(liar),
            2 => self.lie_list(liar),
            3..=5 => self.lie_cut(),
            6 | 7 => self.lie_push(camp),
            8 => {
                let view = self.rng.gen_range(1..=VIEWS);
                for sealer in liars {
                    self.tell(&Statement::Nullify(Nullify { sealer, view }), Some(camp));
                }
            }
            9 if self.rng.r#gen() => self.lie_accuse(liar),
            9 => self.lie_behind(camp),
            10 => self.lie_replay(),
            _ => self.lie_proof(),
        }
    }

    /// Signs and sends to one camp, or to a random half.
    fn tell(&mut self, statement: &Statement, camp: Option<bool>) {
        let key = &self.keys[usize::from(statement.signer())];
        let message = SignedMessage::sign(self.charter.id(), statement, key);
        let bytes: Bytes = message.to_bytes().into();
        self.known.learn(&self.charter, &bytes);
        self.tell_bytes(&bytes, camp);
    }

    fn tell_bytes(&mut self, bytes: &Bytes, camp: Option<bool>) {
        for node in 0..self.members.len() {
            let member = &self.members[node];
            let wanted = camp.map(|camp| camp == self.camps[member.seat]);
            if member.camp.is_none() && wanted.unwrap_or_else(|| self.rng.r#gen()) {
                self.send(node, bytes);
            }
        }
    }

    fn lie_two_ballots(&mut self, voter: u16) {
        let cast_at_ms = OPENS + VOTING_MS * self.rng.gen_range(0..=1);
        for choice in self.words_of(voter) {
            let ballot = Ballot { voter, cast_at_ms, choice, by: self.caster() };
            self.tell(&Statement::Ballot(ballot), None);
        }
    }

    /// Who decided, as a ballot has to say it here.
    fn caster(&self) -> Caster {
        match &self.charter.proposal().rule {
            Rule::Reveal(_) => Caster::Committed,
            _ => Caster::Owner,
        }
    }

    /// What a liar says in place of one choice.
    fn words_of(&mut self, voter: u16) -> Vec<Choice> {
        // The same in both halves of a hidden vote, so that some of it can be revealed.
        let salt = [u8::try_from(voter).unwrap(); 32];
        let id = self.charter.id();
        match &self.charter.proposal().rule {
            Rule::Hidden { .. } => {
                let commitment = |choice| Choice::Commit(commit(id, voter, &salt, &choice));
                let mut words = vec![commitment(Choice::Yes), commitment(Choice::No)];
                // Whoever commits to one thing only is still there when it comes to revealing.
                words.truncate(self.rng.gen_range(1..=2));
                words
            }
            Rule::Reveal(_) => {
                let reveal = |choice| Choice::Reveal { salt, choice: Box::new(choice) };
                let others = self.known.ballots.values().map(|record| record.ballot.choice.clone());
                let mut words: Vec<_> = others.take(3).collect();
                words.extend([reveal(Choice::Yes), reveal(Choice::No), Choice::No]);
                words
            }
            _ => vec![Choice::Yes, Choice::No],
        }
    }

    /// A list of any ballots, open or closed, under any number.
    fn make_list(&mut self, sealer: u16, closed: bool) -> Held {
        let mut entries: Vec<Entry> = Vec::new();
        for entry in self.known.ballots.keys() {
            let crowded = entries.iter().filter(|known| known.voter == entry.voter).count() > 1;
            if !crowded && self.rng.gen_bool(0.8) {
                entries.push(*entry);
            }
        }
        Held { sealer, seq: self.rng.gen_range(1..4), closed, entries }
    }

    fn lie_list(&mut self, sealer: u16) {
        let closed = self.rng.gen_bool(0.7);
        let list = self.make_list(sealer, closed);
        self.tell(&Statement::Held(list), None);
    }

    /// As a leader, cuts from whichever lists suit, a different one for each camp.
    fn lie_cut(&mut self) {
        let leads = |view: &u32| self.liars.contains(&self.charter.leader(*view));
        let views: Vec<u32> = (1..=VIEWS).filter(leads).collect();
        let Some(view) = views.choose(&mut self.rng).copied() else { return };
        for camp in [false, true] {
            let Some(cut) = self.make_cut(view) else { continue };
            if cut.verify(&self.charter).is_ok() || self.rng.gen_bool(0.05) {
                let value = cut.content.digest(self.charter.id());
                self.tell(&Statement::Cut(Box::new(cut)), Some(camp));
                if self.rng.gen_bool(0.7) {
                    self.push_value(view, value, Some(camp));
                }
            }
        }
    }

    fn make_cut(&mut self, view: u32) -> Option<Cut> {
        let leader = self.charter.leader(view);
        let liars: Vec<u16> = self.liars.iter().copied().collect();
        for earlier in 1..view {
            for sealer in &liars {
                let nullify = Statement::Nullify(Nullify { sealer: *sealer, view: earlier });
                self.sign_in_secret(&nullify);
            }
        }
        let from = self.rng.gen_range(0..view);
        let notarized: Vec<Digest> = self
            .known
            .voted(Kind::Notarize)
            .into_iter()
            .filter(|(voted, _)| *voted == from)
            .filter_map(|(_, value)| value)
            .collect();
        let (content, notarization) = match notarized.choose(&mut self.rng) {
            Some(value) => {
                let votes = self.known.quorum(&self.charter, Kind::Notarize, from, Some(*value));
                (self.known.contents.get(value)?.clone(), Some(votes?))
            }
            None => (self.make_content()?, None),
        };
        let from = notarization.as_ref().map_or(0, |votes| votes.view);
        let given_up =
            (from + 1..view).map(|v| self.known.quorum(&self.charter, Kind::Nullify, v, None));
        let nullifications = given_up.flatten().collect();
        Some(Cut { leader, view, content, notarization, nullifications })
    }

    fn make_content(&mut self) -> Option<CutContent> {
        for sealer in self.liars.clone() {
            let list = self.make_list(sealer, true);
            self.sign_in_secret(&Statement::Held(list));
        }
        let mut closed: Vec<(Held, Signature)> =
            self.known.lists.iter().filter(|(list, _)| list.closed).cloned().collect();
        closed.shuffle(&mut self.rng);
        closed.sort_by_key(|(list, _)| list.sealer);
        closed.dedup_by_key(|(list, _)| list.sealer);
        closed.shuffle(&mut self.rng);
        let needed = self.charter.quorum().needed();
        if closed.len() < needed {
            return None;
        }
        let lists: Vec<_> = closed[..needed].iter().map(|(list, sig)| (list, *sig)).collect();
        let ballots = &self.known.ballots;
        let content = CutContent::build(&self.charter, &lists, |e| ballots.get(e).cloned())?;
        let digest = content.digest(self.charter.id());
        self.known.contents.insert(digest, content.clone());
        Some(content)
    }

    fn sign_in_secret(&mut self, statement: &Statement) -> SignedMessage {
        let key = &self.keys[usize::from(statement.signer())];
        let message = SignedMessage::sign(self.charter.id(), statement, key);
        self.known.learn(&self.charter, &message.to_bytes().into());
        message
    }

    fn any_value(&mut self) -> Option<Digest> {
        let values: Vec<_> = self.known.contents.keys().copied().collect();
        values.choose(&mut self.rng).copied()
    }

    fn lie_push(&mut self, camp: bool) {
        let Some(value) = self.any_value() else { return };
        let view = self.rng.gen_range(1..=VIEWS);
        let camp = self.rng.gen_bool(0.7).then_some(camp);
        self.push_value(view, value, camp);
    }

    /// All liars carry one value as far as they like.
    fn push_value(&mut self, view: u32, value: Digest, camp: Option<bool>) {
        let steps = self.rng.gen_range(1..=3);
        for sealer in self.liars.clone() {
            let vote = RoundVote { sealer, view, value };
            let confirm = Confirm { sealer, value };
            let all =
                [Statement::Notarize(vote), Statement::Finalize(vote), Statement::Confirm(confirm)];
            for statement in all.iter().take(steps) {
                self.tell(statement, camp);
            }
        }
    }

    /// Any two messages as evidence against their signer.
    fn lie_accuse(&mut self, reporter: u16) {
        let mut any = || self.known.history.choose(&mut self.rng).map(|bytes| bytes.to_vec());
        let (Some(first), Some(second)) = (any(), any()) else { return };
        if first.len() + second.len() < 8 * 1024 {
            self.tell(&Statement::Evidence(Report { reporter, first, second }), None);
        }
    }

    /// Old messages, some damaged.
    fn lie_replay(&mut self) {
        for _ in 0..5 {
            let Some(bytes) = self.known.history.choose(&mut self.rng).cloned() else { return };
            let mut bytes = bytes.to_vec();
            if self.rng.gen_bool(0.3) {
                let at = self.rng.gen_range(0..bytes.len());
                bytes[at] ^= self.rng.gen_range(1..=255);
            }
            self.tell_bytes(&bytes.into(), None);
        }
    }

    /// Shows one camp what was notarized in a view that a liar leads, and then another cut.
    fn lie_behind(&mut self, camp: bool) {
        let led =
            |(view, _): &(u32, Option<Digest>)| self.liars.contains(&self.charter.leader(*view));
        let votes: Vec<_> = self.known.voted(Kind::Notarize).into_iter().filter(led).collect();
        let Some((view, value)) = votes.choose(&mut self.rng).copied() else { return };
        let notarization = self.known.quorum(&self.charter, Kind::Notarize, view, value);
        let content = value.and_then(|value| self.known.contents.get(&value).cloned());
        let (Some(_), Some(_), Some(cut)) = (&notarization, &content, self.make_cut(view)) else {
            return;
        };
        let proof = Proof::new(self.charter.id(), content, notarization, vec![]);
        self.tell_bytes(&proof.to_bytes().into(), Some(camp));
        let statement = Statement::Cut(Box::new(cut));
        let bytes: Bytes = self.sign_in_secret(&statement).to_bytes().into();
        self.now += DELAY_MS;
        self.tell_bytes(&bytes, Some(camp));
        self.now -= DELAY_MS;
    }

    fn lie_proof(&mut self) {
        let votes = self.known.voted(Kind::Notarize);
        let Some((view, value)) = votes.choose(&mut self.rng).copied() else { return };
        let notarization = self.known.quorum(&self.charter, Kind::Notarize, view, value);
        let content = value.and_then(|value| self.known.contents.get(&value).cloned());
        let given_up =
            (1..=VIEWS).map(|v| self.known.quorum(&self.charter, Kind::Nullify, v, None));
        let nullifications = given_up.flatten().collect();
        let proof = Proof::new(self.charter.id(), content, notarization, nullifications);
        self.tell_bytes(&proof.to_bytes().into(), None);
    }

    /// Every certificate that can be put together once all liars confirm everything.
    pub(super) fn forge_certificates(&mut self) -> Vec<Certificate> {
        let values: Vec<_> = self.known.contents.keys().copied().collect();
        let mut certificates = Vec::new();
        for value in values {
            let content = self.known.contents[&value].clone();
            let mut confirms = self.known.signers(Kind::Confirm, 0, Some(value));
            for sealer in self.liars.clone() {
                let confirm = Statement::Confirm(Confirm { sealer, value });
                let key = &self.keys[usize::from(sealer)];
                let message = SignedMessage::sign(self.charter.id(), &confirm, key);
                confirms.insert(sealer, message.signature());
            }
            let needed = self.charter.quorum().needed();
            if confirms.len() < needed || content.check(&self.charter).is_err() {
                continue;
            }
            let confirms = confirms.into_iter().take(needed);
            let confirms =
                confirms.map(|(sealer, signature)| SealerSignature { sealer, signature });
            let (charter, origin) = (&self.charter, &self.origin);
            certificates.push(Certificate::build(charter, origin, content, confirms.collect()));
        }
        certificates
    }
}
