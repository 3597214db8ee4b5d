//! The real engine under virtual time, with faults
