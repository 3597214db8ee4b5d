//! Invite links, as people copy them.

use protocol::{
    card::{InviteError, SignedInvite},
    identity::Signature,
    wire::encode,
};

use super::samples::{self, NOW};

fn link() -> String {
    samples::invites()[0].signed().to_link()
}

fn read(text: &str) -> Result<SignedInvite, InviteError> {
    text.parse()
}

#[test]
fn a_link_comes_back_also_with_white_space_around_it() {
    let signed = samples::invites()[0].signed();
    assert_eq!(read(&link()), Ok(signed.clone()));
    assert_eq!(read(&format!(" \n{}\r\n", link())), Ok(signed));
}

#[test]
fn a_link_cut_off_anywhere_is_called_not_whole() {
    let link = link();
    for end in 0..link.len() {
        assert_eq!(read(&link[..end]), Err(InviteError::Spelling), "{end}");
    }
}

#[test]
fn a_link_changed_in_any_character_is_not_accepted() {
    let link = link();
    for (at, old) in link.char_indices() {
        let new = if old == 'A' { 'B' } else { 'A' };
        let changed: String =
            link.char_indices().map(|(i, c)| if i == at { new } else { c }).collect();
        let accepted = read(&changed).is_ok_and(|signed| signed.verify(NOW).is_ok());
        assert!(!accepted, "{changed}");
    }
}

#[test]
fn other_spellings_of_a_link_are_refused() {
    let link = link();
    let foreign = [
        format!("{link}="),
        format!("{link}A"),
        format!("{link} {link}"),
        link.replace("conclave:invite:", "conclave:"),
        link.replace("conclave:invite:", "CONCLAVE:INVITE:"),
        link.replace("conclave:invite:", "conclave:invite: "),
        link.replace("conclave:invite:", ""),
    ];
    for text in foreign {
        assert_eq!(read(&text), Err(InviteError::Spelling), "{text}");
    }
}

#[test]
fn a_link_longer_than_any_invite_is_refused() {
    // Well-formed, of the largest body there can be, and of one byte more.
    let of = |len: usize| {
        let bytes = encode(&(vec![0u8; len], Signature([0; 64])));
        format!("conclave:invite:{}", data_encoding::BASE64URL_NOPAD.encode(&bytes))
    };
    assert!(read(&of(1536)).is_ok());
    assert_eq!(read(&of(1537)), Err(InviteError::Spelling));
    assert_eq!(read(&of(3_000_000)), Err(InviteError::Spelling));
}
