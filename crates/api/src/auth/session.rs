//! Browser sessions and the one-time codes that open them.
//!
//! A page cannot read the token's file, and a token in a link would end up in histories. So the
//! owner gets a link with a *code* that works once and for ten minutes; the page trades it for a
//! cookie that scripts cannot read, and for a CSRF secret that only this page knows.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    rate::{Bucket, Rate},
    token::{self, Fingerprint},
};

/// A login code is for the link that was just printed, not for keeping.
pub(super) const CODE_LIFE: Duration = Duration::from_secs(10 * 60);

/// A page nobody has used for so long has to log in again.
pub(super) const SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);

/// And every page once a week, used or not.
pub(super) const SESSION_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// More sessions than an owner has browsers; the least recently used one makes room.
const SESSIONS_MAX: usize = 64;

/// More links than an owner prints within ten minutes; the oldest one makes room.
const CODES_MAX: usize = 32;

/// What the page gets for its code. The id goes into the cookie, the CSRF secret into the page.
pub(crate) struct Opened {
    pub(crate) id: String,
    pub(crate) csrf: String,
}

/// What a session is to the one who shows its cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionView {
    pub(crate) csrf: String,
    pub(crate) expires_in: Duration,
}

struct Session {
    csrf: String,
    opened: Instant,
    used: Instant,
    bucket: Bucket,
}

impl Session {
    fn expires(&self) -> Instant {
        (self.used + SESSION_IDLE).min(self.opened + SESSION_LIFE)
    }
}

/// All sessions and all codes not yet used.
pub(super) struct Sessions {
    sessions: BTreeMap<Fingerprint, Session>,
    codes: BTreeMap<Fingerprint, Instant>,
    rate: Rate,
}

impl Sessions {
    pub(super) fn new(rate: Rate) -> Self {
        Self { sessions: BTreeMap::new(), codes: BTreeMap::new(), rate }
    }

    /// Makes a code that works once, within [`CODE_LIFE`].
    pub(super) fn issue_code(&mut self, now: Instant) -> String {
        self.codes.retain(|_, made| now < *made + CODE_LIFE);
        make_room(&mut self.codes, CODES_MAX, |made| *made);
        let code = token::code();
        self.codes.insert(Fingerprint::of(&code), now);
        code
    }

    /// Trades a code for a session. A code is gone after this, whether it was still good or not.
    pub(super) fn open(&mut self, code: &str, now: Instant) -> Option<Opened> {
        let made = self.codes.remove(&Fingerprint::of(code))?;
        if now >= made + CODE_LIFE {
            return None;
        }
        self.sessions.retain(|_, session| now < session.expires());
        make_room(&mut self.sessions, SESSIONS_MAX, |session| session.used);
        let opened = Opened { id: token::secret(), csrf: token::secret() };
        let session = Session {
            csrf: opened.csrf.clone(),
            opened: now,
            used: now,
            bucket: Bucket::new(self.rate, now),
        };
        self.sessions.insert(Fingerprint::of(&opened.id), session);
        Some(opened)
    }

    /// The live session of this id, without counting as a use of it.
    pub(super) fn view(&self, id: &Fingerprint, now: Instant) -> Option<SessionView> {
        let session = self.sessions.get(id).filter(|session| now < session.expires())?;
        Some(SessionView { csrf: session.csrf.clone(), expires_in: session.expires() - now })
    }

    /// Notes a use of a live session, and gives the bucket its requests are taken from. `None`
    /// when there is no such session or it has expired.
    pub(super) fn touch(&mut self, id: &Fingerprint, now: Instant) -> Option<&mut Bucket> {
        let session = self.sessions.get_mut(id).filter(|session| now < session.expires())?;
        session.used = now;
        Some(&mut session.bucket)
    }

    pub(super) fn close(&mut self, id: &Fingerprint) {
        self.sessions.remove(id);
    }
}

fn make_room<T>(map: &mut BTreeMap<Fingerprint, T>, max: usize, age: impl Fn(&T) -> Instant) {
    while map.len() >= max {
        let oldest = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| *key);
        match oldest {
            Some(key) => map.remove(&key),
            None => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 10 };

    fn open(sessions: &mut Sessions, now: Instant) -> Fingerprint {
        let code = sessions.issue_code(now);
        Fingerprint::of(&sessions.open(&code, now).unwrap().id)
    }

    #[test]
    fn a_code_opens_one_session_and_no_second() {
        let now = Instant::now();
        let mut sessions = Sessions::new(RATE);
        let code = sessions.issue_code(now);
        assert!(sessions.open(&code, now).is_some());
        assert!(sessions.open(&code, now).is_none());
    }

    #[test]
    fn a_code_dies_after_ten_minutes_and_stays_dead() {
        let now = Instant::now();
        let mut sessions = Sessions::new(RATE);
        let code = sessions.issue_code(now);
        assert!(sessions.open(&code, now + CODE_LIFE).is_none());
        assert!(sessions.open(&code, now).is_none());
    }

    #[test]
    fn an_unused_session_ends_after_twelve_hours_and_a_used_one_after_a_week() {
        let now = Instant::now();
        let mut sessions = Sessions::new(RATE);
        let (idle, busy) = (open(&mut sessions, now), open(&mut sessions, now));
        let mut at = now;
        while at + SESSION_IDLE / 2 < now + SESSION_LIFE {
            at += SESSION_IDLE / 2;
            assert!(sessions.touch(&busy, at).is_some());
        }
        assert!(sessions.view(&idle, at).is_none());
        assert!(sessions.touch(&busy, now + SESSION_LIFE).is_none());
    }

    #[test]
    fn sessions_and_codes_are_bounded_and_the_oldest_goes_first() {
        let now = Instant::now();
        let mut sessions = Sessions::new(RATE);
        let first = open(&mut sessions, now);
        for step in 1..=100 {
            open(&mut sessions, now + Duration::from_millis(step));
            sessions.issue_code(now);
        }
        assert!(sessions.view(&first, now).is_none());
        assert_eq!((sessions.sessions.len(), sessions.codes.len()), (SESSIONS_MAX, CODES_MAX));
    }
}
