//! Virtual links between nodes.
//!
//! A connection is a stream: frames keep their order, and when it breaks, what is on its way is
//! lost. Each side notices the break in its own time, and until then it sends into the void. A
//! new connection that comes before an old one is missed is not told to the side that missed
//! nothing, as in the real network.

use std::collections::BTreeMap;

use protocol::wire::Frame;
use rand::Rng;
use rand_chacha::ChaCha20Rng;

use crate::{faults::Weather, world::Event};

/// What is to happen, and when.
pub(crate) type Plans = Vec<(u64, Event)>;

/// All links.
#[derive(Debug)]
pub(crate) struct Network {
    links: BTreeMap<(usize, usize), Link>,
    /// On which side of a partition each node is.
    sides: Vec<u8>,
    weather: Weather,
    pub(crate) bad: bool,
    rng: ChaCha20Rng,
    next: u64,
    pub(crate) frames: u64,
    pub(crate) lost: u64,
    pub(crate) cuts: u64,
}

#[derive(Debug)]
struct Link {
    /// The connection that carries frames, if there is one.
    live: Option<u64>,
    /// Whether each end believes that it is connected.
    believes: [bool; 2],
    /// When the last frame for each end arrives.
    arrives_ms: [u64; 2],
    delay_ms: u64,
}

/// What became of an attempt to send.
pub(crate) enum Sent {
    /// On its way, or lost; and what else follows.
    Gone(Plans),
    /// There is no connection, and the sender knows it.
    NotConnected(Frame),
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn end(side: usize, other: usize) -> usize {
    usize::from(side > other)
}

impl Network {
    pub(crate) fn new(nodes: usize, weather: Weather, mut rng: ChaCha20Rng) -> Self {
        let mut links = BTreeMap::new();
        for a in 0..nodes {
            for b in a + 1..nodes {
                let delay_ms = rng.gen_range(1..60);
                let link = Link { live: None, believes: [false; 2], arrives_ms: [0; 2], delay_ms };
                links.insert((a, b), link);
            }
        }
        let sides = vec![0; nodes];
        Self { links, sides, weather, bad: false, rng, next: 0, frames: 0, lost: 0, cuts: 0 }
    }

    fn link(&mut self, a: usize, b: usize) -> &mut Link {
        self.links.get_mut(&pair(a, b)).expect("every two nodes have a link")
    }

    pub(crate) fn weather_turns(&mut self, bad: bool) {
        self.bad = bad;
    }

    pub(crate) fn reaches(&self, a: usize, b: usize) -> bool {
        self.sides[a] == self.sides[b]
    }

    pub(crate) fn is_connected(&self, a: usize, b: usize) -> bool {
        self.links.get(&pair(a, b)).is_some_and(|link| link.live.is_some())
    }

    /// How long a dial takes.
    pub(crate) fn dial_ms(&mut self, a: usize, b: usize) -> u64 {
        2 * self.link(a, b).delay_ms + self.rng.gen_range(1..50)
    }

    /// Two nodes that can reach each other connect.
    pub(crate) fn connect(&mut self, a: usize, b: usize, now_ms: u64) -> Plans {
        if a == b || !self.reaches(a, b) || self.is_connected(a, b) {
            return Vec::new();
        }
        let serial = self.next;
        self.next += 1;
        let later = self.rng.gen_range(0..40);
        let link = self.link(a, b);
        link.live = Some(serial);
        link.arrives_ms = [now_ms + later; 2];
        vec![
            (now_ms, Event::Met { side: a, other: b, serial }),
            (now_ms + later, Event::Met { side: b, other: a, serial }),
        ]
    }

    /// Whether an end that meets another has to be told.
    pub(crate) fn on_met(&mut self, side: usize, other: usize, serial: u64) -> bool {
        let link = self.link(side, other);
        let news = link.live == Some(serial) && !link.believes[end(side, other)];
        if news {
            link.believes[end(side, other)] = true;
        }
        news
    }

    /// Whether an end that misses a connection has to be told.
    pub(crate) fn on_missed(&mut self, side: usize, other: usize) -> bool {
        let link = self.link(side, other);
        let news = link.live.is_none() && link.believes[end(side, other)];
        if news {
            link.believes[end(side, other)] = false;
        }
        news
    }

    /// Breaks the connection between two nodes.
    pub(crate) fn cut(&mut self, a: usize, b: usize, now_ms: u64) -> Plans {
        if a == b || self.link(a, b).live.take().is_none() {
            return Vec::new();
        }
        self.cuts += 1;
        [(a, b), (b, a)]
            .map(|(side, other)| (self.notice_ms(now_ms), Event::Missed { side, other }))
            .into()
    }

    fn notice_ms(&mut self, now_ms: u64) -> u64 {
        // Mostly a reset is seen at once; sometimes only a timeout tells.
        let most = if self.rng.gen_bool(0.8) { 300 } else { 15_000 };
        now_ms + self.rng.gen_range(0..most)
    }

    /// A node is gone, and with it all of its connections.
    pub(crate) fn drop_node(&mut self, node: usize, now_ms: u64) -> Plans {
        let mut plans = Vec::new();
        for other in (0..self.sides.len()).filter(|other| *other != node) {
            plans.extend(self.cut(node, other, now_ms));
            self.link(node, other).believes[end(node, other)] = false;
        }
        plans
    }

    /// The network falls into parts, or comes together again when all are on one side.
    pub(crate) fn part(&mut self, sides: Vec<u8>, now_ms: u64) -> Plans {
        self.sides = sides;
        let pairs: Vec<_> = self.links.keys().copied().collect();
        let apart = pairs.into_iter().filter(|(a, b)| self.sides[*a] != self.sides[*b]);
        apart.collect::<Vec<_>>().into_iter().flat_map(|(a, b)| self.cut(a, b, now_ms)).collect()
    }

    pub(crate) fn heal(&mut self) {
        self.sides.fill(0);
    }

    /// Puts a frame on its way.
    pub(crate) fn send(&mut self, from: usize, to: usize, frame: Frame, now_ms: u64) -> Sent {
        self.frames += 1;
        let (live, believes) = {
            let link = self.link(from, to);
            (link.live, link.believes[end(from, to)])
        };
        let Some(serial) = live else {
            if believes {
                self.lost += 1;
                return Sent::Gone(Vec::new());
            }
            return Sent::NotConnected(frame);
        };
        let mut copies = 1;
        let mut delay_ms = self.link(from, to).delay_ms + self.rng.gen_range(0..10);
        if self.bad {
            let mut strikes = |share: u32| self.rng.gen_range(0..1000) < share;
            if strikes(self.weather.breaks) {
                self.lost += 1;
                return Sent::Gone(self.cut(from, to, now_ms));
            }
            if strikes(self.weather.gaps) {
                self.lost += 1;
                return Sent::Gone(Vec::new());
            }
            copies += usize::from(strikes(self.weather.doubles));
            if strikes(self.weather.slow) {
                delay_ms += self.rng.gen_range(0..2_000);
            }
        }
        let arrives = &mut self.link(from, to).arrives_ms[end(to, from)];
        *arrives = (*arrives).max(now_ms + delay_ms);
        let at_ms = *arrives;
        let event = Event::Frame { from, to, serial, frame };
        Sent::Gone(vec![(at_ms, event); copies])
    }

    /// Whether a frame that arrives was sent on the connection that still stands.
    pub(crate) fn arrives(&mut self, from: usize, to: usize, serial: u64) -> bool {
        let stands = self.link(from, to).live == Some(serial);
        self.lost += u64::from(!stands);
        stands
    }
}

#[cfg(test)]
mod tests {
    use protocol::identity::PersonaId;
    use rand::SeedableRng;

    use super::*;

    fn network() -> Network {
        Network::new(2, Weather::default(), ChaCha20Rng::seed_from_u64(1))
    }

    #[test]
    fn frames_of_one_connection_keep_their_order() {
        let mut network = network();
        network.connect(0, 1, 0);
        let frame = Frame::CardRequest(PersonaId([0; 32]));
        let times: Vec<_> = (0..50)
            .map(|_| match network.send(0, 1, frame.clone(), 7) {
                Sent::Gone(plans) => plans[0].0,
                Sent::NotConnected(_) => panic!("connected above"),
            })
            .collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn a_cut_loses_what_is_on_its_way_even_when_the_link_comes_back() {
        let mut network = network();
        network.connect(0, 1, 0);
        network.cut(0, 1, 1);
        network.connect(0, 1, 2);
        assert!(!network.arrives(0, 1, 0));
        assert!(network.arrives(0, 1, 1));
    }

    #[test]
    fn who_missed_nothing_is_told_nothing() {
        let mut network = network();
        network.connect(0, 1, 0);
        assert!(network.on_met(0, 1, 0));
        network.cut(0, 1, 1);
        network.connect(0, 1, 2);
        assert!(!network.on_missed(0, 1), "a new connection stands already");
        assert!(!network.on_met(0, 1, 1), "it never believed to be alone");
    }
}
