//! The personal assistants: policy, the rule brain, calendars and slots, as pure functions
