//! Gossip: what a topic's subscribers tell each other.
//!
//! Messages carry no author and no signature of their own; whoever needs one puts it into the
//! payload, where it is checked once instead of at every duplicate.

mod cache;
mod config;

pub(crate) use cache::Cache;
pub(crate) use config::{TOPIC_BYTES_MAX, TOPICS_MAX, behaviour};

/// The gossip behaviour with our subscription filter.
pub(crate) type Gossip = libp2p::gossipsub::Behaviour<
    libp2p::gossipsub::IdentityTransform,
    libp2p::gossipsub::MaxCountSubscriptionFilter<libp2p::gossipsub::AllowAllSubscriptionFilter>,
>;
