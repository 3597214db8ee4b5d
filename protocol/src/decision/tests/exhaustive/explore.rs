//! All three honest members together.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{
    local::{Event, Local, Locals},
    stage::{Grounds, Stage, VIEWS, VOTES},
};
use crate::decision::{
    Kind,
    mutant::{Mutant, with},
};

/// States an ordinary test looks at for each choice of leaders.
const STATES: usize = 4_000;

/// What can happen beside messages and patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum World {
    /// Nothing.
    Plain,
    /// Restarts, and another closed list of the liar with one more ballot.
    Rough,
}

/// What an exploration found.
struct Found {
    moments: usize,
    states: usize,
    transitions: usize,
    locals: usize,
    runs: usize,
    complete: bool,
    amiss: Option<String>,
}

/// Everything that was said, by each honest member, and where each of them can be then.
struct Moment {
    said: [u32; 3],
    members: [BTreeSet<u32>; 3],
    /// Where it leads when one of them says something more, and who.
    onward: Vec<(usize, usize)>,
}

struct Explorer {
    stage: Stage,
    world: World,
    locals: Locals,
    moments: Vec<Moment>,
    numbers: HashMap<[u32; 3], usize>,
    /// Moment, member and state that were not looked at yet.
    open: VecDeque<(usize, usize, u32)>,
    states: usize,
    transitions: usize,
    amiss: Option<String>,
}

impl Explorer {
    fn new(leads: [bool; 2], world: World) -> Self {
        let stage = Stage::new(leads);
        let mut locals = Locals::default();
        let start =
            stage.honest.map(|seat| locals.number(&stage, seat, Local::start(&stage, seat)));
        let mut explorer = Self {
            stage,
            world,
            locals,
            moments: Vec::new(),
            numbers: HashMap::new(),
            open: VecDeque::new(),
            states: 0,
            transitions: 0,
            amiss: None,
        };
        let said = start.map(|local| explorer.locals.said[local as usize]);
        let first = explorer.moment(said);
        for (place, local) in start.into_iter().enumerate() {
            explorer.can_be(first, place, local);
        }
        explorer
    }

    /// The moment at which this was said.
    fn moment(&mut self, said: [u32; 3]) -> usize {
        if let Some(known) = self.numbers.get(&said) {
            return *known;
        }
        let number = self.moments.len();
        self.numbers.insert(said, number);
        self.moments.push(Moment { said, members: Default::default(), onward: Vec::new() });
        let disagreement = self.disagreement(said);
        self.amiss = self.amiss.take().or(disagreement);
        number
    }

    /// Takes note of where a member can be at this moment, and so at all that follow while it
    /// says nothing.
    fn can_be(&mut self, moment: usize, place: usize, local: u32) {
        let mut news = vec![moment];
        while let Some(moment) = news.pop() {
            if self.moments[moment].members[place].insert(local) {
                self.states += 1;
                self.open.push_back((moment, place, local));
                let onward = self.moments[moment].onward.iter();
                news.extend(onward.filter(|(by, _)| *by != place).map(|(_, next)| *next));
            }
        }
    }

    /// One member says something more.
    fn goes_on(&mut self, moment: usize, place: usize, local: u32) {
        let mut said = self.moments[moment].said;
        said[place] = self.locals.said[local as usize];
        let next = self.moment(said);
        self.can_be(next, place, local);
        if self.moments[moment].onward.contains(&(place, next)) {
            return;
        }
        self.moments[moment].onward.push((place, next));
        for other in (0..3).filter(|other| *other != place) {
            for local in self.moments[moment].members[other].clone() {
                self.can_be(next, other, local);
            }
        }
    }

    /// Looks at one member in one state at one moment.
    fn look(&mut self, moment: usize, place: usize, local: u32) {
        for (event, quorum) in self.events(moment, place, local) {
            let known = self.locals.all.len();
            let to = self.locals.step(&self.stage, self.stage.honest[place], local, event, &quorum);
            self.transitions += 1;
            if let Some(new) = self.locals.all.get(known) {
                let guilt = new.guilt(&self.stage);
                self.amiss = self.amiss.take().or(guilt);
            }
            if self.locals.said[to as usize] == self.moments[moment].said[place] {
                self.can_be(moment, place, to);
            } else {
                self.goes_on(moment, place, to);
            }
        }
    }

    /// Everything that can happen to a member now, and a quorum behind it where it needs one.
    fn events(&self, moment: usize, place: usize, local: u32) -> Vec<(Event, Vec<u16>)> {
        let stage = &self.stage;
        let said = self.moments[moment].said.map(|said| &self.locals.sayings[said as usize]);
        let quorum = |which: usize| {
            let seats = stage.honest.into_iter().zip(said);
            let voted = seats.filter(|(_, said)| said.votes >> which & 1 == 1);
            let mut by: Vec<u16> = voted.map(|(seat, _)| seat).collect();
            // The liar says anything.
            by.push(stage.liar);
            (by.len() >= stage.charter.quorum().needed()).then_some(by)
        };
        let mut events = match self.world {
            World::Plain => vec![],
            World::Rough => vec![(Event::LateList, vec![]), (Event::Restart, vec![])],
        };
        if (1..=VIEWS).contains(&self.locals.all[local as usize].view()) {
            events.push((Event::Patience, vec![]));
        }
        let votes =
            (0..VOTES.len()).filter_map(|which| Some((Event::Votes(which), quorum(which)?)));
        events.extend(votes);
        let given_up = quorum(vote(Kind::Nullify, 1, None));
        for (view, which) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
            if stage.charter.leader(view) != stage.liar {
                continue;
            }
            let cut = |grounds| Event::LiarsCut(view, which, grounds);
            events.push((cut(Grounds::Nothing), vec![]));
            if view > 1 {
                let notarized = quorum(vote(Kind::Notarize, 1, Some(which)));
                events.extend(given_up.clone().map(|by| (cut(Grounds::GivenUp), by)));
                events.extend(notarized.map(|by| (cut(Grounds::Notarized), by)));
            }
        }
        let others = (0..3).filter(|other| *other != place).map(|other| said[other]);
        let cuts = others.flat_map(|said| said.cuts.iter());
        events.extend(cuts.map(|cut| (Event::Cut(*cut), vec![])));
        events
    }

    /// Two results that a quorum, the liar with it, finalized or confirmed.
    fn disagreement(&self, said: [u32; 3]) -> Option<String> {
        // What the numbers say, whatever a fault makes of them.
        let needed = usize::from(self.stage.charter.quorum().q);
        for kind in [Kind::Finalize, Kind::Confirm] {
            let of_kind = VOTES.iter().enumerate().filter(|(_, (said, _, _))| *said == kind);
            let reached = of_kind.filter(|(bit, _)| {
                let has = |said: &&u32| self.locals.sayings[**said as usize].votes >> bit & 1 == 1;
                said.iter().filter(has).count() + 1 >= needed
            });
            let values: BTreeSet<_> = reached.map(|(_, (_, _, value))| *value).collect();
            if values.len() > 1 {
                return Some(format!("a quorum signed {kind:?} of {} values", values.len()));
            }
        }
        None
    }
}

/// Its place in [`VOTES`].
fn vote(kind: Kind, view: u32, which: Option<usize>) -> usize {
    VOTES.iter().position(|vote| *vote == (kind, view, which)).expect("a vote that is played")
}

fn asked() -> usize {
    let text = std::env::var("EXHAUSTIVE_STATES").ok();
    text.map_or(STATES, |text| text.parse().expect("a number of states"))
}

/// Looks at up to so many states.
fn explore(leads: [bool; 2], world: World, states_max: usize) -> Found {
    let mut explorer = Explorer::new(leads, world);
    while explorer.amiss.is_none() && explorer.states < states_max {
        let Some((moment, place, local)) = explorer.open.pop_front() else { break };
        explorer.look(moment, place, local);
    }
    Found {
        moments: explorer.moments.len(),
        states: explorer.states,
        transitions: explorer.transitions,
        locals: explorer.locals.all.len(),
        runs: explorer.locals.transitions(),
        complete: explorer.open.is_empty() && explorer.amiss.is_none(),
        amiss: explorer.amiss,
    }
}

const WORLDS: [World; 2] = [World::Plain, World::Rough];
const LEADERS: [[bool; 2]; 3] = [[true, false], [false, true], [false, false]];

#[test]
fn no_order_of_events_makes_two_results_or_a_liar_of_the_honest() {
    let name = |leads: [bool; 2]| leads.map(|liar| if liar { "liar" } else { "honest" });
    println!(
        "leaders       world    moments    states   transitions  member states   runs of the core  complete"
    );
    for (leads, world) in LEADERS.into_iter().flat_map(|leads| WORLDS.map(|world| (leads, world))) {
        let found = explore(leads, world, asked());
        let [first, second] = name(leads);
        println!(
            "{first:<6} {second:<6} {:<6} {:>8} {:>9} {:>13} {:>14} {:>18}  {}",
            format!("{world:?}"),
            found.moments,
            found.states,
            found.transitions,
            found.locals,
            found.runs,
            found.complete
        );
        assert_eq!(found.amiss, None);
    }
}

/// Explores with a fault until something is amiss.
fn finds(mutant: Mutant, leads: [bool; 2]) {
    let found = with(mutant, || explore(leads, World::Plain, 300_000));
    println!("{mutant:?}: {:?} after {} states", found.amiss, found.states);
    assert!(found.amiss.is_some(), "{mutant:?} is in none of {} states", found.states);
}

#[test]
fn exploring_finds_a_view_finalized_after_it_was_given_up() {
    finds(Mutant::FinalizeAfterNullify, [true, false]);
}

#[test]
fn exploring_finds_two_notarizations() {
    finds(Mutant::NotarizeTwice, [true, false]);
}

#[test]
fn exploring_finds_a_notarization_against_what_was_finalized() {
    finds(Mutant::NotarizeAfterFinalize, [true, false]);
}

#[test]
fn exploring_finds_a_cut_without_its_nullifications() {
    finds(Mutant::NoNullificationCheck, [false, true]);
}
