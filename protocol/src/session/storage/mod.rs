//! What openmls keeps, as ordered rows of bytes.
//!
//! openmls writes at many moments of one operation. Here all that an operation writes first
//! goes into an overlay, and becomes real, and due to be saved, only when the operation as a
//! whole succeeded. Deleted rows are deleted, and their last value is wiped from memory.
//!
//! Keys begin with a letter that says whose they are:
//!
//! | key | holds |
//! | --- | --- |
//! | `d` | the number of this device |
//! | `g` group-id slot … | what openmls keeps of a group |
//! | `k` slot … | what openmls keeps of key packages and single key pairs |
//! | `l` group-id epoch | the envelope of the commit that ended an epoch |
//! | `p` reference | a key package of ours and the seed of its leaf |
//! | `r` group-id | our own record of a group |
//! | `s` group-id epoch key | a row of a group as it was before that epoch ended |
//!
//! Values are MessagePack with named fields, because openmls changes its stored types between
//! versions only in ways that a self-describing format survives.

mod codec;
mod provider;
mod rows;
mod slots;

pub(super) use codec::StorageError;
pub(super) use provider::Provider;
pub(super) use rows::Rows;
pub(super) use slots::group_prefix;
