//! The outside world of a persona: calendar files
