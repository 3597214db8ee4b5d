//! What the owner wants and allows.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::time;

/// How much a contact may learn without the owner being asked.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PrivacyLevel {
    /// Only trusted contacts get answers about availability without the owner being asked.
    Strict,
    /// Accepted contacts get them too.
    #[default]
    Moderate,
    /// As moderate, and strangers may find the persona.
    Open,
}

/// How the persona speaks to its owner.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ResponseStyle {
    /// As few words as possible.
    Brief,
    /// Whole, plain sentences.
    #[default]
    Friendly,
    /// Whole sentences, more distant.
    Formal,
}

/// The wishes and permissions of one owner.
///
/// Hours are minutes since local midnight in [`Settings::zone`]. The defaults allow the persona
/// nothing on its own: it asks before it answers, votes or books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// IANA name of the owner's time zone. Default `UTC`.
    pub zone: String,
    /// What contacts may learn.
    pub privacy: PrivacyLevel,
    /// Start of the working day. Default 9:00.
    pub working_from_minute: u16,
    /// End of the working day. Default 17:00.
    pub working_to_minute: u16,
    /// Which days are working days, Monday first. Default Monday to Friday.
    pub working_days: [bool; 7],
    /// No meeting starts before this. Default 8:00.
    pub earliest_minute: u16,
    /// No meeting ends after this; 1440 is midnight. Default 22:00.
    pub latest_minute: u16,
    /// Length of a meeting when nobody said how long. Default 60.
    pub default_minutes: u16,
    /// Minutes that stay free before and after every entry of the calendar. Default 0.
    pub buffer_minutes: u16,
    /// How long before its start a meeting must be proposed at the latest. Default 30.
    pub notice_minutes: u16,
    /// May answer contacts which of their slots fit, without asking the owner.
    pub auto_schedule: bool,
    /// Votes alone on proposals for a time. Switching it on signs a mandate for that, switching it
    /// off revokes it, and it goes off when the mandate expires.
    pub auto_vote: bool,
    /// May write agreed meetings into the calendar without asking.
    pub auto_book: bool,
    /// May look for and propose times at all. Default true.
    pub can_schedule: bool,
    /// May read and write the calendar at all. Default true.
    pub can_access_calendar: bool,
    /// May commit the owner to something that costs money. Default false.
    pub can_make_reservations: bool,
    /// How the persona speaks.
    pub response_style: ResponseStyle,
    /// Takes part in direct conversations. Default true.
    pub allow_direct_mentions: bool,
    /// Takes part in groups. Default true.
    pub allow_group_mentions: bool,
    /// Open conversations at a time; more are refused. Default 64.
    pub max_concurrent_conversations: u16,
}

/// A setting whose value makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("setting {field}: {reason}")]
pub struct SettingsError {
    /// Name of the field in [`Settings`].
    pub field: &'static str,
    /// What a good value looks like.
    pub reason: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zone: String::from("UTC"),
            privacy: PrivacyLevel::default(),
            working_from_minute: 9 * 60,
            working_to_minute: 17 * 60,
            working_days: [true, true, true, true, true, false, false],
            earliest_minute: 8 * 60,
            latest_minute: 22 * 60,
            default_minutes: 60,
            buffer_minutes: 0,
            notice_minutes: 30,
            auto_schedule: false,
            auto_vote: false,
            auto_book: false,
            can_schedule: true,
            can_access_calendar: true,
            can_make_reservations: false,
            response_style: ResponseStyle::default(),
            allow_direct_mentions: true,
            allow_group_mentions: true,
            max_concurrent_conversations: 64,
        }
    }
}

impl Settings {
    /// The longest a meeting may be, in minutes.
    pub const MEETING_MINUTES_MAX: u16 = 12 * 60;

    /// Refuses values that make no sense.
    ///
    /// # Errors
    /// [`SettingsError`] names the first such field.
    pub fn check(&self) -> Result<(), SettingsError> {
        let require = |holds: bool, field, reason| {
            if holds { Ok(()) } else { Err(SettingsError { field, reason }) }
        };
        require(
            time::is_zone(&self.zone),
            "zone",
            "an IANA name such as Europe/Berlin is expected",
        )?;
        require(
            self.earliest_minute < 1440,
            "earliest_minute",
            "minutes since midnight are below 1440",
        )?;
        require(
            (self.earliest_minute + 1..=1440).contains(&self.latest_minute),
            "latest_minute",
            "it comes after earliest_minute and is at most 1440",
        )?;
        require(
            self.working_from_minute < 1440,
            "working_from_minute",
            "minutes since midnight are below 1440",
        )?;
        require(
            (self.working_from_minute + 1..=1440).contains(&self.working_to_minute),
            "working_to_minute",
            "it comes after working_from_minute and is at most 1440",
        )?;
        require(
            (5..=Self::MEETING_MINUTES_MAX).contains(&self.default_minutes),
            "default_minutes",
            "a meeting lasts 5 to 720 minutes",
        )?;
        require(self.buffer_minutes <= 240, "buffer_minutes", "at most 240 minutes")?;
        require(self.notice_minutes <= 10_080, "notice_minutes", "at most a week, 10080 minutes")?;
        require(
            self.max_concurrent_conversations > 0,
            "max_concurrent_conversations",
            "at least 1 conversation",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound_and_allow_nothing_alone() {
        let settings = Settings::default();
        assert_eq!(settings.check(), Ok(()));
        assert!(!settings.auto_schedule && !settings.auto_vote && !settings.auto_book);
        assert!(!settings.can_make_reservations);
    }

    #[test]
    fn a_bad_value_is_named() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().map_err(|error| error.field)
        };
        assert_eq!(with(|s| s.zone = "Nowhere".into()), Err("zone"));
        assert_eq!(with(|s| s.earliest_minute = 1440), Err("earliest_minute"));
        assert_eq!(with(|s| s.earliest_minute = u16::MAX), Err("earliest_minute"));
        assert_eq!(with(|s| s.latest_minute = 480), Err("latest_minute"));
        assert_eq!(with(|s| s.latest_minute = 1441), Err("latest_minute"));
        assert_eq!(with(|s| s.working_from_minute = 1500), Err("working_from_minute"));
        assert_eq!(with(|s| s.working_to_minute = 0), Err("working_to_minute"));
        assert_eq!(with(|s| s.default_minutes = 0), Err("default_minutes"));
        assert_eq!(with(|s| s.buffer_minutes = 241), Err("buffer_minutes"));
        assert_eq!(with(|s| s.notice_minutes = 10_081), Err("notice_minutes"));
        assert_eq!(
            with(|s| s.max_concurrent_conversations = 0),
            Err("max_concurrent_conversations")
        );
    }

    #[test]
    fn missing_fields_take_their_defaults() {
        let settings: Settings =
            serde_json::from_str(r#"{"zone": "Asia/Tokyo", "privacy": "strict"}"#).unwrap();
        let expected = Settings {
            zone: "Asia/Tokyo".into(),
            privacy: PrivacyLevel::Strict,
            ..Settings::default()
        };
        assert_eq!(settings, expected);
    }
}
