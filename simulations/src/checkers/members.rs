//! All members agree who is one, and who was removed knows it.

use crate::world::World;

impl World<'_> {
    pub(super) fn judge_members(&self) -> Vec<String> {
        let mut amiss = Vec::new();
        for title in self.names.conversations.keys() {
            let views: Vec<_> = (0..self.people.len())
                .filter_map(|person| Some((person, self.conversation(person, title)?)))
                .collect();
            let sequencer = views.iter().find(|(_, view)| view.sequencer == view.persona);
            let Some((_, truth)) = sequencer else { continue };
            for (person, view) in &views {
                let name = self.people[*person].name;
                let member = truth.members.iter().any(|member| member.persona == view.persona);
                match (member, view.active) {
                    (true, true) if view.epoch != truth.epoch => {
                        amiss.push(format!("{name} is in epoch {} of {}", view.epoch, truth.epoch));
                    }
                    (true, false) => amiss.push(format!("{name} is a member and does not know it")),
                    (false, true) => amiss.push(format!("{name} was removed and does not know it")),
                    _ => {}
                }
            }
        }
        amiss
    }
}
