//! Everyone sees an inquiry alike, it ends, and what was answered stands in it.

use crate::world::World;

impl World<'_> {
    pub(super) fn judge_inquiries(&self) -> Vec<String> {
        let mut amiss = Vec::new();
        for (question, (id, _)) in &self.names.inquiries {
            let mut first: Option<(usize, String)> = None;
            for person in 0..self.people.len() {
                let views = self.inquiries(person);
                let name = self.people[person].name;
                let Some(view) = views.into_iter().find(|view| view.id == *id) else {
                    if !self.is_dead(person) {
                        amiss.push(format!("{name} was never told of {question}"));
                    }
                    continue;
                };
                if view.phase == "open" {
                    amiss.push(format!("{question} is not over for {name}"));
                }
                // Names differ: each calls itself what its contacts do not.
                let seen = |one: &engine::view::AskedView| {
                    format!("{:?} {} {:?} {:?}", one.persona, one.standing, one.text, one.had_seen)
                };
                let seen = view.asked.iter().map(seen).collect::<Vec<_>>().join("; ");
                let seen = format!("{}: {seen}", view.phase);
                match &first {
                    Some((other, sight)) if *sight != seen => {
                        let other = self.people[*other].name;
                        amiss.push(format!("{other} sees {sight} and {name} {seen}"));
                    }
                    Some(_) => {}
                    None => first = Some((person, seen)),
                }
                for (_, by) in self.names.answered.iter().filter(|(asked, _)| asked == question) {
                    let theirs =
                        view.asked.iter().find(|one| Some(one.persona) == self.people[*by].id);
                    if theirs.is_none_or(|one| one.standing != "answered") {
                        let who = self.people[*by].name;
                        amiss.push(format!("the answer of {who} does not count for {name}"));
                    }
                }
            }
        }
        amiss
    }
}
