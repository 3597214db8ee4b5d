//! What goes wrong, and when: a plan in numbers, turned by the seed into a list of moments.

use rand::Rng;
use rand_chacha::ChaCha20Rng;

/// How a link behaves while the weather is bad. Shares are of a thousand frames.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Frames that break the connection; they and all others on their way are lost.
    pub breaks: u32,
    /// Frames lost without anybody noticing, as when one stream of a connection dies.
    pub gaps: u32,
    /// Frames that arrive twice.
    pub doubles: u32,
    /// Frames that take up to two seconds longer, and everything behind them on that link.
    pub slow: u32,
}

/// What goes wrong in a scenario, between two moments after its beginning.
#[derive(Debug, Clone, Copy)]
pub struct FaultPlan {
    /// When it begins, in milliseconds after the setup.
    pub from_ms: u64,
    /// When all is well again.
    pub until_ms: u64,
    /// The links.
    pub weather: Weather,
    /// How many times some connection is cut.
    pub cuts: u32,
    /// How many times some node crashes.
    pub crashes: u32,
    /// How many of a thousand questions to a calendar are followed by a crash, before the answer.
    pub fatal_errands: u32,
    /// How long a crashed node stays down, in milliseconds.
    pub down_ms: (u64, u64),
    /// How many of a thousand nodes that start again do so at another address.
    pub moves: u32,
    /// How many times the network falls into two parts.
    pub partitions: u32,
    /// How long it stays so, in milliseconds.
    pub parted_ms: (u64, u64),
    /// Nodes that are down for a known while: node, from, until.
    pub sleeps: &'static [(usize, u64, u64)],
    /// Nodes that crash once at some moment between two: node, from, until.
    pub strikes: &'static [(usize, u64, u64)],
    /// Nodes that die for good, and when.
    pub deaths: &'static [(usize, u64)],
    /// Nodes that lose their disk and start again from a backup of that moment, and when.
    pub losses: &'static [(usize, u64)],
    /// Mailboxes that stop: mailbox, when, and for how long; `None` for good, with their disk.
    pub mailbox_deaths: &'static [(usize, u64, Option<u64>)],
    /// How often the connection between a node and a mailbox breaks.
    pub mail_cuts: u32,
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        from_ms: 0,
        until_ms: 0,
        weather: Weather { breaks: 0, gaps: 0, doubles: 0, slow: 0 },
        cuts: 0,
        crashes: 0,
        fatal_errands: 0,
        down_ms: (200, 30_000),
        moves: 0,
        partitions: 0,
        parted_ms: (1_000, 60_000),
        sleeps: &[],
        strikes: &[],
        deaths: &[],
        losses: &[],
        mailbox_deaths: &[],
        mail_cuts: 0,
    };
}

/// At which point of its work a node dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrashPoint {
    /// Whatever it is doing.
    Now,
    /// While it writes: the batch is lost, and all that was to follow it.
    Unwritten,
    /// Just after it wrote: the batch stays, nothing that was to follow it happened.
    Written,
    /// Somewhere among the things it does after it wrote.
    AfterEffects(u32),
}

/// One thing that goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    WeatherTurns { bad: bool },
    Cut { a: usize, b: usize },
    Crash { node: usize, point: CrashPoint, down_ms: u64, moves: bool },
    Death { node: usize },
    Loss { node: usize, down_ms: u64 },
    Part { sides: Vec<u8> },
    Heal,
    MailboxDies { mailbox: usize, down_ms: Option<u64> },
    MailCut,
}

/// The moments at which things go wrong, in milliseconds after the setup.
pub(crate) fn schedule(plan: &FaultPlan, nodes: usize, rng: &mut ChaCha20Rng) -> Vec<(u64, Fault)> {
    let mut list = vec![
        (plan.from_ms, Fault::WeatherTurns { bad: true }),
        (plan.until_ms, Fault::WeatherTurns { bad: false }),
        (plan.until_ms, Fault::Heal),
    ];
    let moment = |rng: &mut ChaCha20Rng| rng.gen_range(plan.from_ms..plan.until_ms.max(1));
    for _ in 0..plan.cuts {
        let a = rng.gen_range(0..nodes);
        let b = (a + rng.gen_range(1..nodes.max(2))) % nodes;
        list.push((moment(rng), Fault::Cut { a, b }));
    }
    for _ in 0..plan.crashes {
        let node = rng.gen_range(0..nodes);
        let at_ms = moment(rng);
        list.push((at_ms, crash(plan, node, rng)));
    }
    for &(node, from_ms, until_ms) in plan.strikes {
        let at_ms = rng.gen_range(from_ms..until_ms);
        list.push((at_ms, crash(plan, node, rng)));
    }
    for &(node, from_ms, until_ms) in plan.sleeps {
        let down_ms = until_ms - from_ms;
        let fault = Fault::Crash { node, point: CrashPoint::Now, down_ms, moves: false };
        list.push((from_ms, fault));
    }
    for &(node, at_ms) in plan.deaths {
        list.push((at_ms, Fault::Death { node }));
    }
    for &(node, at_ms) in plan.losses {
        let down_ms = rng.gen_range(plan.down_ms.0..=plan.down_ms.1);
        list.push((at_ms, Fault::Loss { node, down_ms }));
    }
    for &(mailbox, at_ms, down_ms) in plan.mailbox_deaths {
        list.push((at_ms, Fault::MailboxDies { mailbox, down_ms }));
    }
    for _ in 0..plan.mail_cuts {
        list.push((moment(rng), Fault::MailCut));
    }
    for _ in 0..plan.partitions {
        let from_ms = moment(rng);
        let sides: Vec<u8> = (0..nodes).map(|_| rng.gen_range(0..2)).collect();
        list.push((from_ms, Fault::Part { sides }));
        list.push((from_ms + rng.gen_range(plan.parted_ms.0..=plan.parted_ms.1), Fault::Heal));
    }
    list
}

fn crash(plan: &FaultPlan, node: usize, rng: &mut ChaCha20Rng) -> Fault {
    let point = match rng.gen_range(0..4) {
        0 => CrashPoint::Now,
        1 => CrashPoint::Unwritten,
        2 => CrashPoint::Written,
        _ => CrashPoint::AfterEffects(rng.gen_range(1..6)),
    };
    let down_ms = rng.gen_range(plan.down_ms.0..=plan.down_ms.1);
    Fault::Crash { node, point, down_ms, moves: rng.gen_range(0..1000) < plan.moves }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_schedule() {
        let plan =
            FaultPlan { until_ms: 60_000, cuts: 5, crashes: 5, partitions: 2, ..FaultPlan::NONE };
        let of = |seed| format!("{:?}", schedule(&plan, 3, &mut ChaCha20Rng::seed_from_u64(seed)));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
