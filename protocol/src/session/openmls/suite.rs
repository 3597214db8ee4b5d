//! The choices MLS leaves open, made once.

use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, GroupContext, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, ProtocolVersion, RequiredCapabilitiesExtension,
    SenderRatchetConfiguration, UnknownExtension,
    tls_codec::{self, Deserialize as _},
};

use crate::session::{DeviceCredential, GroupPolicy, POLICY_EXTENSION, SessionError};

/// Ciphersuite 0x0003.
pub(super) const SUITE: Ciphersuite =
    Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519;

/// How many epochs a message may come late and still open. More would keep old keys longer.
pub const PAST_EPOCHS: usize = 3;

/// The most personas in one group.
pub(super) const PERSONAS_MAX: usize = 1000;

/// Messages of one sender may overtake each other by this many: mailboxes that slept at different
/// times hold different parts of what was said.
pub const OUT_OF_ORDER_MAX: u32 = 1000;

/// Messages of one sender may be lost in a row up to this many. Mailboxes drop what is old, so
/// the library's default of 1000 is tight.
const LOST_MAX: u32 = 4000;

const POLICY_TYPE: ExtensionType = ExtensionType::Unknown(POLICY_EXTENSION);

/// What our leaves say they support.
pub(super) fn capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[SUITE]),
        Some(&[ExtensionType::LastResort, POLICY_TYPE]),
        None,
        Some(&[CredentialType::Basic]),
    )
}

/// How this member handles a group.
pub(super) fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .max_past_epochs(PAST_EPOCHS)
        .sender_ratchet_configuration(sender_ratchet())
        .build()
}

/// How far messages of one sender may be apart.
pub(super) fn sender_ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(OUT_OF_ORDER_MAX, LOST_MAX)
}

/// What a new group's context carries: the policy, and that every member has to understand it.
pub(super) fn context_extensions(
    policy: &GroupPolicy,
) -> Result<Extensions<GroupContext>, SessionError> {
    let required =
        RequiredCapabilitiesExtension::new(&[POLICY_TYPE], &[], &[CredentialType::Basic]);
    let policy = UnknownExtension(policy.to_bytes());
    Extensions::from_vec(vec![
        Extension::RequiredCapabilities(required),
        Extension::Unknown(POLICY_EXTENSION, policy),
    ])
    .map_err(state)
}

/// The policy a group's context carries.
///
/// # Errors
/// The name of the field that is missing or breaks its rule.
pub(super) fn policy_in(
    extensions: &Extensions<GroupContext>,
) -> Result<GroupPolicy, &'static str> {
    let extension = extensions.unknown(POLICY_EXTENSION).ok_or("policy")?;
    let policy = GroupPolicy::from_bytes(&extension.0).map_err(|_| "policy")?;
    policy.check()?;
    Ok(policy)
}

/// A credential as openmls wants it.
pub(super) fn mls_credential(credential: &DeviceCredential) -> CredentialWithKey {
    CredentialWithKey {
        credential: BasicCredential::new(credential.to_bytes()).into(),
        signature_key: credential.leaf_key.to_vec().into(),
    }
}

/// Reads exactly one MLS message.
///
/// The reader of streams is used rather than that of slices, because the latter asserts in debug
/// builds that the lengths a peer claims are honest.
pub(super) fn parse(bytes: &[u8]) -> Result<MlsMessageBodyIn, tls_codec::Error> {
    MlsMessageIn::tls_deserialize_exact(bytes).map(MlsMessageIn::extract)
}

/// A failure that no peer can cause.
pub(super) fn state(error: impl std::fmt::Display) -> SessionError {
    SessionError::State(error.to_string())
}
