//! All three honest members together.

use std::collections::{BTreeSet, HashSet, VecDeque};

use super::{
    local::{Event, Local, Locals},
    stage::{Stage, VIEWS, Vote, Why},
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
    /// Nothing, and one honest member who leads no view is asleep.
    Pair,
    /// Nothing.
    Plain,
    /// Restarts, and another closed list of the liar with one more ballot.
    Rough,
}

/// What an exploration found.
struct Found {
    states: usize,
    transitions: usize,
    locals: usize,
    runs: usize,
    complete: bool,
    amiss: Option<String>,
}

fn asked() -> usize {
    let text = std::env::var("EXHAUSTIVE_STATES").ok();
    text.map_or(STATES, |text| text.parse().expect("a number of states"))
}

/// Looks at up to so many states, nearest first.
fn explore(leads: [bool; 2], world: World, states_max: usize) -> Found {
    let stage = Stage::new(leads);
    let mut locals = Locals::default();
    let start = stage.honest.map(|seat| locals.number(seat, Local::start(&stage, seat)));
    let leads_none = |seat: &u16| (1..=VIEWS).all(|view| stage.charter.leader(view) != *seat);
    let asleep = stage.honest.into_iter().rfind(leads_none).filter(|_| world == World::Pair);
    let mut seen = HashSet::from([start]);
    let mut open = VecDeque::from([start]);
    let (mut judged, mut transitions, mut amiss) = (0, 0, None);
    while let Some(state) = open.pop_front() {
        for number in locals.all.iter().skip(judged) {
            amiss = amiss.or_else(|| number.guilt(&stage));
        }
        judged = locals.all.len();
        amiss = amiss.or_else(|| disagreement(&stage, &locals, state));
        if amiss.is_some() || seen.len() >= states_max {
            open.push_front(state);
            break;
        }
        for (place, seat) in stage.honest.into_iter().enumerate() {
            if asleep == Some(seat) {
                continue;
            }
            for event in events(&stage, &locals, world, state, place) {
                let mut next = state;
                next[place] = locals.step(&stage, seat, state[place], &event);
                transitions += 1;
                if seen.insert(next) {
                    open.push_back(next);
                }
            }
        }
    }
    Found {
        states: seen.len(),
        transitions,
        locals: locals.all.len(),
        runs: locals.transitions(),
        complete: open.is_empty(),
        amiss,
    }
}

/// Who said so: the honest who did, and the liar, who says anything.
fn sayers(stage: &Stage, locals: &Locals, state: [u32; 3], vote: &Vote) -> Vec<u16> {
    let honest = stage.honest.into_iter().zip(state);
    let said = honest.filter(|(_, number)| locals.all[*number as usize].votes.contains(vote));
    let mut sayers: Vec<u16> = said.map(|(seat, _)| seat).collect();
    sayers.push(stage.liar);
    sayers
}

/// Everything that can happen to one member now.
fn events(
    stage: &Stage,
    locals: &Locals,
    world: World,
    state: [u32; 3],
    place: usize,
) -> Vec<Event> {
    let needed = stage.charter.quorum().needed();
    let quorum = |vote: Vote| {
        let sayers = sayers(stage, locals, state, &vote);
        (sayers.len() >= needed).then_some((vote, sayers))
    };
    let member = &locals.all[state[place] as usize];
    let mut events = match world {
        World::Pair | World::Plain => vec![],
        World::Rough => vec![Event::LateList, Event::Restart],
    };
    if (1..=VIEWS).contains(&member.view()) {
        events.push(Event::Patience);
    }
    let values = [0, 1].map(|which| stage.value(which));
    let mut votes: Vec<Vote> = vec![(Kind::Nullify, 1, None)];
    for value in values {
        votes.push((Kind::Confirm, 0, Some(value)));
        for view in 1..=VIEWS {
            votes.push((Kind::Notarize, view, Some(value)));
            votes.push((Kind::Finalize, view, Some(value)));
        }
    }
    events.extend(votes.into_iter().filter_map(quorum).map(|(vote, by)| Event::Votes(vote, by)));
    for (view, which) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
        if stage.charter.leader(view) != stage.liar {
            continue;
        }
        events.push(Event::LiarsCut(view, which, Why::Nothing));
        if view > 1 {
            let given_up = quorum((Kind::Nullify, 1, None)).map(|(_, by)| Why::GivenUp(by));
            let notarized = quorum((Kind::Notarize, 1, Some(values[which])));
            let notarized = notarized.map(|(_, by)| Why::Notarized(by));
            let whys = given_up.into_iter().chain(notarized);
            events.extend(whys.map(|why| Event::LiarsCut(view, which, why)));
        }
    }
    let others = (0..3).filter(|other| *other != place);
    let cuts = others.flat_map(|other| locals.all[state[other] as usize].cuts.iter());
    let cuts = cuts.filter(|(_, (view, _))| *view <= VIEWS);
    events.extend(cuts.map(|(bytes, _)| Event::Cut(bytes.clone())));
    events
}

/// Two results that a quorum, the liar with it, finalized or confirmed.
fn disagreement(stage: &Stage, locals: &Locals, state: [u32; 3]) -> Option<String> {
    // What the numbers say, whatever a fault makes of them.
    let needed = usize::from(stage.charter.quorum().q);
    for kind in [Kind::Finalize, Kind::Confirm] {
        let said = state.into_iter().flat_map(|number| locals.all[number as usize].votes.iter());
        let of_kind: BTreeSet<&Vote> = said.filter(|(said, _, _)| *said == kind).collect();
        let reached = of_kind
            .into_iter()
            .filter(|vote| sayers(stage, locals, state, vote).len() >= needed)
            .filter_map(|(_, _, value)| *value);
        let values: BTreeSet<_> = reached.collect();
        if values.len() > 1 {
            return Some(format!("a quorum signed {kind:?} of {} values", values.len()));
        }
    }
    None
}

const WORLDS: [World; 3] = [World::Pair, World::Plain, World::Rough];
const LEADERS: [[bool; 2]; 3] = [[true, false], [false, true], [false, false]];

#[test]
fn no_order_of_events_makes_two_results_or_a_liar_of_the_honest() {
    let name = |liar| if liar { "liar" } else { "honest" };
    println!(
        "leaders       world     states   transitions  member states   runs of the core  complete"
    );
    for (leads, world) in LEADERS.into_iter().flat_map(|leads| WORLDS.map(|world| (leads, world))) {
        let found = explore(leads, world, asked());
        println!(
            "{:<6} {:<6} {:<6} {:>9} {:>13} {:>14} {:>18}  {}",
            name(leads[0]),
            name(leads[1]),
            format!("{world:?}"),
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
fn finds(mutant: Mutant, leads: [bool; 2], world: World) {
    let found = with(mutant, || explore(leads, world, 300_000));
    println!("{mutant:?}: {:?} after {} states", found.amiss, found.states);
    assert!(found.amiss.is_some(), "{mutant:?} is in none of {} states", found.states);
}

#[test]
fn exploring_finds_a_view_finalized_after_it_was_given_up() {
    finds(Mutant::FinalizeAfterNullify, [true, false], World::Pair);
}

#[test]
fn exploring_finds_two_notarizations() {
    finds(Mutant::NotarizeTwice, [true, false], World::Pair);
}

#[test]
fn exploring_finds_a_notarization_against_what_was_finalized() {
    finds(Mutant::NotarizeAfterFinalize, [true, false], World::Plain);
}

#[test]
fn exploring_finds_a_cut_without_its_nullifications() {
    finds(Mutant::NoNullificationCheck, [false, true], World::Pair);
}
