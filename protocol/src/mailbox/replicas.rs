//! Which mailboxes a persona uses.

use sha2::{Digest, Sha256};

use crate::identity::{NodeId, PersonaId};

/// At how many mailboxes a persona's mail lies.
pub const REPLICAS: usize = 3;

/// How many of a persona's mailboxes have to hold an envelope before it counts as stored: two, so
/// that one may die for good; where there is only one, that one.
pub fn needed(mailboxes: usize) -> usize {
    mailboxes.min(2)
}

/// The mailboxes a persona uses among those its node knows, at most [`REPLICAS`], by rendezvous
/// hashing (Thaler and Ravishankar, 1998): when one comes or goes, only the personas that used it
/// move, and load spreads evenly.
pub fn replicas(persona: &PersonaId, mailboxes: &[NodeId]) -> Vec<NodeId> {
    let score = |node: &NodeId| {
        let mut hash = Sha256::new();
        hash.update(persona.as_bytes());
        hash.update(node.as_bytes());
        <[u8; 32]>::from(hash.finalize())
    };
    let mut ranked: Vec<_> = mailboxes.iter().map(|node| (score(node), *node)).collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked.into_iter().rev().take(REPLICAS).map(|(_, node)| node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_that_leaves_moves_only_the_personas_that_used_it() {
        let nodes: Vec<_> = (0..10).map(|n| NodeId([n; 32])).collect();
        for n in 0..200 {
            let persona = PersonaId([n; 32]);
            let before = replicas(&persona, &nodes);
            assert_eq!(before.len(), REPLICAS);
            let after = replicas(&persona, &nodes[1..]);
            let stayed = before.iter().filter(|node| after.contains(node)).count();
            let lost = usize::from(before.contains(&nodes[0]));
            assert_eq!(stayed, REPLICAS - lost);
        }
    }

    #[test]
    fn load_spreads_evenly() {
        let nodes: Vec<_> = (0..10).map(|n| NodeId([n; 32])).collect();
        let personas = (0..=u16::MAX).step_by(64);
        let mut load = [0usize; 10];
        for n in personas.clone() {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            for node in replicas(&PersonaId(id), &nodes) {
                load[usize::from(node.0[0])] += 1;
            }
        }
        let fair = personas.count() * REPLICAS / nodes.len();
        assert!(load.iter().all(|n| (fair * 3 / 4..=fair * 5 / 4).contains(n)), "{load:?}");
    }

    #[test]
    fn the_same_mailbox_named_twice_counts_once() {
        let nodes = [NodeId([1; 32]), NodeId([1; 32])];
        assert_eq!(replicas(&PersonaId([0; 32]), &nodes), [NodeId([1; 32])]);
        assert_eq!((needed(0), needed(1), needed(2), needed(3)), (0, 1, 2, 2));
    }
}
