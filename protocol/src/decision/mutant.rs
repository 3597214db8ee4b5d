//! Faults that tests put into the protocol, to see that they are noticed.
//!
//! A simulation that finds nothing wrong proves little unless it also finds what *is* wrong. Each
//! fault here removes one of the few conditions the protocol stands on. Outside of this crate's
//! own tests there is no switch: the question is answered with a constant.

/// A condition that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// One signature less is a quorum.
    QuorumLessOne,
    /// The guard lets a second result be confirmed.
    ConfirmTwice,
    /// The guard lets a view be finalized that was given up.
    FinalizeAfterNullify,
    /// A cut of a later view need not prove that the views before it were given up.
    NoNullificationCheck,
    /// The guard lets two cuts be notarized in one view.
    NotarizeTwice,
    /// The guard lets a value be notarized in a view where another was finalized.
    NotarizeAfterFinalize,
    /// The closed list lacks a ballot of the open one, and the guard lets it.
    ListShrinks,
    /// A revealed choice need not be the one committed to.
    RevealUnchecked,
    /// Who committed to nothing may reveal.
    RevealUncommitted,
    /// Revealing begins with whatever says it is a certificate.
    RevealUnproved,
}

#[cfg(test)]
thread_local! {
    static ON: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Whether this fault is put in.
#[cfg(test)]
pub(crate) fn is_on(mutant: Mutant) -> bool {
    ON.get() == Some(mutant)
}

/// Whether this fault is put in: never.
#[cfg(not(test))]
pub(crate) const fn is_on(_: Mutant) -> bool {
    false
}

/// Runs something with a fault in this thread.
#[cfg(test)]
pub(crate) fn with<T>(mutant: Mutant, run: impl FnOnce() -> T) -> T {
    ON.set(Some(mutant));
    let result = run();
    ON.set(None);
    result
}
