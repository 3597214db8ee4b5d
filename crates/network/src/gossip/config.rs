//! The values gossipsub runs with. Several defaults lose messages without a word.

use std::time::Duration;

use libp2p::gossipsub::{
    AllowAllSubscriptionFilter, Behaviour, Config, ConfigBuilder, ConfigBuilderError,
    MaxCountSubscriptionFilter, Message, MessageAuthenticity, MessageId, ValidationMode,
};
use sha2::{Digest, Sha256};

use super::Gossip;

/// Topics one node may subscribe to. The default filter allows 100 and treats a node with more as
/// if it had none.
pub(crate) const TOPICS_MAX: usize = 4096;
/// The longest topic, in bytes.
pub(crate) const TOPIC_BYTES_MAX: usize = 256;
/// The largest payload with its wrapping, in bytes. Larger things travel by reference.
const TRANSMIT_BYTES_MAX: usize = 256 * 1024;

/// Gossip as this network speaks it.
pub(crate) fn behaviour() -> Result<Gossip, String> {
    let config = config().map_err(|error| error.to_string())?;
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: TOPICS_MAX,
        max_subscriptions_per_request: TOPICS_MAX,
    };
    let author = MessageAuthenticity::Anonymous;
    Behaviour::new_with_subscription_filter(author, config, filter).map_err(str::to_owned)
}

fn config() -> Result<Config, ConfigBuilderError> {
    ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(id)
        .max_transmit_size(TRANSMIT_BYTES_MAX)
        // A receiver drops the whole stream when the control part of a message is larger than it
        // accepts, and a sender does not split it. So we accept much, and send little enough for
        // a peer that keeps the default of 16 KiB: 800 ids of 18 bytes.
        .max_control_message_size(1024 * 1024)
        .max_control_messages_sent(800)
        // Groups of two to five become a full mesh, larger ones get few duplicates.
        .mesh_n(4)
        .mesh_n_low(3)
        .mesh_n_high(6)
        .mesh_outbound_min(1)
        .gossip_lazy(3)
        .history_length(4)
        .history_gossip(2)
        // The default stores a backoff of a minute when a topic is left, and who rejoins within
        // it hears everything a heartbeat late.
        .prune_backoff(Duration::from_secs(1))
        .unsubscribe_backoff(Duration::from_secs(1))
        .backoff_slack(0)
        .heartbeat_initial_delay(Duration::from_millis(100))
        // On, it sends every message to every subscriber and collapses under load.
        .flood_publish(false)
        // Our messages of about 1 KiB would each announce themselves first.
        .idontwant_message_size_threshold(16 * 1024)
        .build()
}

/// Sixteen bytes of hash: ids make up most of what a busy topic announces.
fn id(message: &Message) -> MessageId {
    let topic = message.topic.as_str().as_bytes();
    let mut hash = Sha256::new();
    hash.update(u64::try_from(topic.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(topic);
    hash.update(&message.data);
    MessageId::new(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use libp2p::gossipsub::TopicHash;

    use super::*;

    #[test]
    fn rejoining_a_topic_is_not_held_back_by_a_minute_of_backoff() {
        let config = config().unwrap();
        assert_eq!(config.prune_backoff(), Duration::from_secs(1));
        assert_eq!(config.unsubscribe_backoff(), Duration::from_secs(1));
        assert_eq!(config.backoff_slack(), 0);
    }

    #[test]
    fn announcements_fit_what_a_peer_with_default_values_accepts() {
        let config = config().unwrap();
        let id_bytes = 16 + 2;
        assert!(config.max_control_messages_sent() * id_bytes < 16 * 1024);
        assert!(config.max_control_message_size() >= 1024 * 1024);
    }

    #[test]
    fn the_id_of_a_message_covers_topic_and_data() {
        let message = |topic: &str, data: &[u8]| Message {
            source: None,
            data: data.to_vec(),
            sequence_number: None,
            topic: TopicHash::from_raw(topic),
        };
        let ids = [message("ab", b"c"), message("a", b"bc"), message("ab", b"d")].map(|m| id(&m));
        assert!(ids[0] != ids[1] && ids[0] != ids[2]);
        assert_eq!(ids[0].0.len(), 16);
    }
}
