//! The memory of an engine is bounded.

use engine::view::Depths;

use super::Checkers;

/// As the engine promises.
const OUTBOX_MAX: usize = 20_000;
const PARKED_MAX: usize = 2_048;
const PARKED_BYTES_MAX: usize = 16 * 1024 * 1024;
const EARLY_MAX: usize = 2_048;
const ERRANDS_MAX: usize = 1_024;

impl Checkers {
    pub(crate) fn on_depths(&mut self, node: usize, depths: &Depths) {
        let peaks = &mut self.peaks;
        let queues = [
            ("outbox", depths.outbox, &mut peaks.outbox, OUTBOX_MAX),
            ("parked", depths.parked, &mut peaks.parked, PARKED_MAX),
            ("parked bytes", depths.parked_bytes, &mut peaks.parked_bytes, PARKED_BYTES_MAX),
            ("early", depths.early, &mut peaks.early, EARLY_MAX),
            ("errands", depths.errands, &mut peaks.errands, ERRANDS_MAX),
        ];
        let mut broken = None;
        for (name, depth, peak, most) in queues {
            *peak = depth.max(*peak);
            if depth > most {
                broken =
                    Some(format!("node {node} keeps {depth} in {name}, at most {most} allowed"));
            }
        }
        self.complaints.extend(broken);
    }
}
