//! A sealer notarizes, nullifies, finalizes or confirms.

use super::{
    Decision,
    rounds::{NO_VIEW, Room, Table},
};
use crate::{
    decision::{Confirm, Digest, Nullify, RoundVote, Statement},
    identity::Signature,
};

const NO_DIGEST: Digest = [0; 32];

impl Decision {
    pub(super) fn on_round_vote(&mut self, vote: &Statement, signature: Signature, room: Room) {
        let earlier = self.earlier_votes(vote);
        let room = if self.outbox.muted { Room::Restored } else { room };
        let is_news = self.rounds.insert(vote, signature, room);
        for (statement, earlier_signature) in earlier {
            self.compare(&statement, earlier_signature, vote, signature);
        }
        if is_news {
            self.keep(vote, signature, &NO_DIGEST);
        }
    }

    /// What the same sealer said before that could contradict this.
    fn earlier_votes(&self, vote: &Statement) -> Vec<(Statement, Signature)> {
        let sealer = vote.signer();
        let rounds = &self.rounds;
        let of = |table: &Table, view, make: &dyn Fn(Option<Digest>) -> Option<Statement>| {
            let made = |(value, signature): &_| Some((make(*value)?, *signature));
            table.cell(view, sealer).iter().filter_map(made).collect::<Vec<_>>()
        };
        let round = |view, value: Option<Digest>| Some(RoundVote { sealer, view, value: value? });
        match vote {
            Statement::Notarize(RoundVote { view, .. })
            | Statement::Finalize(RoundVote { view, .. })
            | Statement::Nullify(Nullify { view, .. }) => {
                let view = *view;
                let mut all =
                    of(&rounds.notarize, view, &|v| round(view, v).map(Statement::Notarize));
                all.extend(of(&rounds.finalize, view, &|v| {
                    round(view, v).map(Statement::Finalize)
                }));
                all.extend(of(&rounds.nullify, view, &|_| {
                    Some(Statement::Nullify(Nullify { sealer, view }))
                }));
                all
            }
            Statement::Confirm(_) => of(&rounds.confirm, NO_VIEW, &|value| {
                Some(Statement::Confirm(Confirm { sealer, value: value? }))
            }),
            _ => Vec::new(),
        }
    }
}
