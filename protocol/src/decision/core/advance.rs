//! The rules of the protocol, tried until none applies.

use super::{Decision, rounds::NO_VIEW};
use crate::{
    decision::{
        Certificate, Charter, Confirm, Cut, CutContent, Held, Kind, RoundVote, RoundVotes, Slot,
        Statement, VIEWS_MAX,
    },
    identity::Signature,
};

impl Decision {
    pub(super) fn advance(&mut self) {
        loop {
            let before = self.progress();
            self.hold();
            if let Some(seat) = self.sealer_seat() {
                if self.decided.is_empty() {
                    self.close();
                    self.share_ballots(false);
                    self.change_view();
                    self.propose_cut(seat);
                    self.notarize(seat);
                    self.finalize(seat);
                }
                self.confirm(seat);
            }
            self.certify();
            if self.progress() == before {
                return;
            }
        }
    }

    /// Changes whenever a rule applied.
    fn progress(&self) -> (usize, usize, u32, usize) {
        let slots = self.guard.slots().count();
        (slots, self.ballots.held().len(), self.clock.view, self.decided.len())
    }

    /// Rule 2: close at the end of grace, when all have voted, or when the outcome is certain.
    fn close(&mut self) {
        if !self.is_closed() && self.may_close() {
            self.sign_held(true);
        }
        if self.is_closed() && self.clock.view == 0 {
            self.clock.enter(1);
        }
    }

    fn may_close(&self) -> bool {
        let proposal = self.charter.proposal();
        let voted = self.ballots.voters_held();
        let all = self.charter.expected();
        if self.now_ms >= self.closes_at_ms() || voted == all {
            return true;
        }
        if !proposal.early_close {
            return false;
        }
        let held: Vec<_> =
            self.ballots.held().filter_map(|entry| self.ballots.get(entry)).collect();
        let choices = held.iter().map(|record| (record.ballot.voter, &record.ballot.choice));
        let rule = &proposal.rule;
        let result = rule.decide(proposal.options.len(), self.charter.voters(), choices);
        u32::try_from(all - voted).is_ok_and(|missing| rule.is_settled(&result, missing))
    }

    /// Rule 6: a view ends when a quorum gave it up, or when it notarized something and then
    /// took too long. Whoever sees others further ahead follows at once.
    fn change_view(&mut self) {
        if self.clock.view == 0 {
            return;
        }
        let needed = self.charter.quorum().needed();
        let given_up = self.rounds.nullify.quorums(needed).into_iter().map(|(view, _)| view + 1);
        let notarized = self.rounds.notarize.quorums(needed).into_iter().map(|(view, _)| view);
        let mut target = given_up.chain(notarized).max().unwrap_or(0).max(self.clock.view);
        if target == self.clock.view && self.clock.expired && self.notarized_in(target) {
            target += 1;
        }
        if target > self.clock.view && target <= VIEWS_MAX {
            self.clock.enter(target);
        }
        // Patience begins when the leader could act, not while a quorum is still asleep.
        if self.lists.closed().len() >= needed {
            self.clock.start(self.now_ms);
        }
    }

    pub(super) fn notarized_in(&self, view: u32) -> bool {
        let needed = self.charter.quorum().needed();
        self.rounds.notarize.quorums(needed).iter().any(|(notarized, _)| *notarized == view)
    }

    /// Rule 3: the leader proposes the value notarized last, or else the union of a quorum's
    /// lists, and proves that every view in between was given up.
    fn propose_cut(&mut self, seat: u16) {
        let view = self.clock.view;
        let is_leader = view > 0 && self.charter.leader(view) == seat;
        if !is_leader || self.guard.used(Slot::Cut(view)).is_some() {
            return;
        }
        if let Some(cut) = self.make_cut(seat, view).filter(|cut| self.fits(&cut.content)) {
            let statement = Statement::Cut(Box::new(cut));
            // Far from reached by honest voters; a leader drowned in void ballots stays silent.
            if statement.body().len() + 256 <= Kind::Cut.bytes_max() {
                self.claim(Slot::Cut(view), statement);
            }
        }
    }

    fn make_cut(&self, leader: u16, view: u32) -> Option<Cut> {
        let needed = self.charter.quorum().needed();
        let earlier = |(notarized, _): &(u32, _)| *notarized < view;
        let newest = self.rounds.notarize.quorums(needed).into_iter().rfind(earlier);
        let from = newest.map_or(0, |(notarized, _)| notarized);
        let given_up = self.rounds.nullify.quorums(needed);
        let nullifications: Option<Vec<RoundVotes>> = (from + 1..view)
            .map(|view| given_up.contains(&(view, None)).then(|| self.quorum_of(view, None)))
            .collect();
        let content = match newest {
            Some((_, value)) => self.values.get(&value?)?.clone(),
            None => self.union(&self.charter)?,
        };
        let notarization = newest.map(|(view, value)| self.quorum_of(view, value));
        Some(Cut { leader, view, content, notarization, nullifications: nullifications? })
    }

    /// Joins the longest closed lists whose ballots we all know, if there is a quorum of them.
    fn union(&self, charter: &Charter) -> Option<CutContent> {
        let is_known = |held: &Held| held.entries.iter().all(|e| self.ballots.get(e).is_some());
        let mut lists: Vec<(&Held, Signature)> = self
            .lists
            .closed()
            .values()
            .filter(|(held, _)| is_known(held))
            .map(|(held, signature)| (held, *signature))
            .collect();
        lists.sort_by_key(|(held, _)| (std::cmp::Reverse(held.entries.len()), held.sealer));
        lists.truncate(charter.quorum().needed());
        if lists.len() < charter.quorum().needed() {
            return None;
        }
        CutContent::build(charter, &lists, |entry| self.ballots.get(entry).cloned())
    }

    /// Rule 4: the first valid cut of the current view is notarized.
    fn notarize(&mut self, sealer: u16) {
        let view = self.clock.view;
        let cuts = self.cuts.get(&view).cloned().unwrap_or_default();
        for value in cuts {
            let vote = RoundVote { sealer, view, value };
            if self.claim(Slot::Notarize(view), Statement::Notarize(vote)) {
                return;
            }
        }
    }

    /// Rule 5: what a quorum notarized in any view is finalized there. What we have not seen and
    /// checked ourselves we do not sign.
    fn finalize(&mut self, sealer: u16) {
        let needed = self.charter.quorum().needed();
        for (view, value) in self.rounds.notarize.quorums(needed) {
            if let Some(value) = value.filter(|value| self.values.contains_key(value)) {
                let vote = RoundVote { sealer, view, value };
                self.claim(Slot::Finalize(view), Statement::Finalize(vote));
            }
        }
    }

    /// Rule 7: what a quorum finalized in one view is confirmed, once per proposal.
    fn confirm(&mut self, sealer: u16) {
        let needed = self.charter.quorum().needed();
        let contradicts =
            |value: &[u8; 32]| self.decided.iter().any(|known| known.digest() != *value);
        let finalized = self.rounds.finalize.quorums(needed).into_iter();
        let values: Vec<_> = finalized
            .filter_map(|(_, value)| value)
            .filter(|value| self.values.contains_key(value) && !contradicts(value))
            .collect();
        for value in values {
            if self.claim(Slot::Confirm, Statement::Confirm(Confirm { sealer, value })) {
                return;
            }
        }
    }

    /// Rule 8: a quorum of confirmations is the certificate.
    fn certify(&mut self) {
        let needed = self.charter.quorum().needed();
        for (_, value) in self.rounds.confirm.quorums(needed) {
            let Some(content) = value.and_then(|value| self.values.get(&value)) else { continue };
            if self.decided.iter().any(|known| Some(known.digest()) == value) {
                continue;
            }
            let mut confirms = self.rounds.confirm.votes(NO_VIEW, value);
            confirms.truncate(needed);
            let certificate =
                Certificate::build(&self.charter, &self.origin, content.clone(), confirms);
            self.adopt(certificate);
        }
    }
}
