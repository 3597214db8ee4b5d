//! The local API and the page it serves
