//! Who may use the API: the holder of the token, or of a live session.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use super::{
    grants::{Grant, GrantError, Grants},
    rate::{Bucket, Rate},
    scope::Scope,
    session::{Opened, SessionView, Sessions},
    token::{self, Fingerprint},
};

/// What one key may ask: far above a busy page, far below what would hurt the node.
const REQUESTS: Rate = Rate { per_second: 200, burst: 400 };

/// Attempts to log in, over all who try. A code has 160 bits; this only keeps the noise down.
const LOGINS: Rate = Rate { per_second: 5, burst: 20 };

/// Where the time comes from. Tests move it by hand.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// The secrets of the local API: one bearer token, codes for logging in, sessions of browsers.
pub struct Credentials {
    token: Fingerprint,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    sessions: Sessions,
    grants: Grants,
    grant_buckets: BTreeMap<Fingerprint, Bucket>,
    token_bucket: Bucket,
    login_bucket: Bucket,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A program that has read the token's file.
    Token,
    /// A program with a token the owner made for it.
    Granted(Fingerprint),
    /// A page with a live session.
    Session(Fingerprint),
}

impl Credentials {
    /// Makes a new bearer token and writes it to `api-token` in `dir`, readable by the owner
    /// only. A token of an earlier start stops working.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn create(dir: &Path) -> io::Result<Self> {
        Self::create_with_clock(dir, Arc::new(Instant::now))
    }

    /// [`Credentials::create`] with another source of time.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn create_with_clock(dir: &Path, clock: Clock) -> io::Result<Self> {
        let now = clock();
        let state = State {
            sessions: Sessions::new(REQUESTS),
            grants: Grants::open(dir)?,
            grant_buckets: BTreeMap::new(),
            token_bucket: Bucket::new(REQUESTS, now),
            login_bucket: Bucket::new(LOGINS, now),
        };
        Ok(Self { token: token::rotate(dir)?, clock, state: Mutex::new(state) })
    }

    /// A code that opens one browser session, once, within ten minutes. It belongs behind the
    /// `#` of a link (`http://127.0.0.1:7777/#login=<code>`), where no server sees it.
    pub fn login_code(&self) -> String {
        self.state().sessions.issue_code((self.clock)())
    }

    /// Whose token this is.
    pub(crate) fn holder(&self, token: &str) -> Option<Caller> {
        let presented = Fingerprint::of(token);
        let state = self.state();
        let granted = state.grants.find(&presented, now_ms()).is_some();
        match presented.same(&self.token) {
            true => Some(Caller::Token),
            false => granted.then_some(Caller::Granted(presented)),
        }
    }

    /// What a caller may do, and by which name it goes. `None` when it is no longer who it was.
    pub(crate) fn standing(&self, caller: Caller) -> Option<Standing> {
        let whole = |name: &str| Standing { name: name.to_owned(), scopes: vec![Scope::Admin] };
        match caller {
            Caller::Token => Some(whole("the owner's token")),
            Caller::Session(_) => Some(whole("the page")),
            Caller::Granted(hash) => {
                let state = self.state();
                let grant = state.grants.find(&hash, now_ms())?;
                let name = format!("token \"{}\"", grant.name);
                Some(Standing { name, scopes: grant.scopes.clone() })
            }
        }
    }

    /// Makes a token for a program. It is shown this once.
    pub(crate) fn grant(
        &self,
        name: String,
        scopes: Vec<Scope>,
        expires_at_ms: Option<u64>,
    ) -> Result<(String, Grant), GrantError> {
        self.state().grants.create(name, scopes, expires_at_ms, now_ms())
    }

    /// Takes a program's token back.
    pub(crate) fn revoke(&self, id: &str) -> io::Result<Option<Grant>> {
        self.state().grants.revoke(id)
    }

    /// The tokens that work now.
    pub(crate) fn grants(&self) -> Vec<Grant> {
        self.state().grants.list(now_ms())
    }

    /// The live session of this id.
    pub(crate) fn session(&self, id: &Fingerprint) -> Option<SessionView> {
        self.state().sessions.view(id, (self.clock)())
    }

    /// Whether a caller who listens is still who it was: sessions end. Listening is a use.
    pub(crate) fn still_good(&self, caller: Caller) -> bool {
        match caller {
            Caller::Token => true,
            Caller::Granted(hash) => self.state().grants.find(&hash, now_ms()).is_some(),
            Caller::Session(id) => self.state().sessions.touch(&id, (self.clock)()).is_some(),
        }
    }

    /// Takes one request from the caller's rate. False when it has asked too much.
    pub(crate) fn admit(&self, caller: Caller) -> bool {
        let now = (self.clock)();
        let mut state = self.state();
        match caller {
            Caller::Token => state.token_bucket.take(now),
            Caller::Granted(hash) => {
                if state.grants.find(&hash, now_ms()).is_none() {
                    return false;
                }
                // As many as there are tokens: those of revoked ones make room.
                let State { grants, grant_buckets, .. } = &mut *state;
                grant_buckets.retain(|hash, _| grants.find(hash, now_ms()).is_some());
                let fresh = || Bucket::new(REQUESTS, now);
                grant_buckets.entry(hash).or_insert_with(fresh).take(now)
            }
            Caller::Session(id) => {
                state.sessions.touch(&id, now).is_some_and(|bucket| bucket.take(now))
            }
        }
    }

    /// Takes one attempt to log in. False when there were too many.
    pub(crate) fn admit_login(&self) -> bool {
        self.state().login_bucket.take((self.clock)())
    }

    /// Trades a code for a session.
    pub(crate) fn open_session(&self, code: &str) -> Option<(Opened, SessionView)> {
        let now = (self.clock)();
        let mut state = self.state();
        let opened = state.sessions.open(code, now)?;
        let view = state.sessions.view(&Fingerprint::of(&opened.id), now)?;
        Some((opened, view))
    }

    /// Ends a session.
    pub(crate) fn close_session(&self, id: &Fingerprint) {
        self.state().sessions.close(id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is complete in itself, so a panic elsewhere spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who a caller is to the audit log, and what it may do.
pub(crate) struct Standing {
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
}

/// The time of day: tokens end at a date, over restarts.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}
