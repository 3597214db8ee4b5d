//! The rules of single fields.

use protocol::{
    card::{
        Capability, CardError, HomeNode, Introduction, Invite, PersonaCard, Purpose, Signed,
        TITLE_BYTES_MAX,
    },
    identity::{Handle, PersonaKey},
    wire::{decode, encode},
};

use super::samples::{self, NOW, alice, bob};

fn judge_card(change: impl FnOnce(&mut PersonaCard)) -> Result<(), CardError> {
    let mut card = samples::card(&alice(), "maya");
    change(&mut card);
    Signed::sign(&card, &alice()).verify(NOW).map(drop)
}

fn judge_invite(change: impl FnOnce(&mut Invite)) -> Result<(), CardError> {
    let mut invite = samples::invite();
    change(&mut invite);
    Signed::sign(&invite, &alice()).verify(NOW).map(drop)
}

fn judge_introduction(change: impl FnOnce(&mut Introduction)) -> Result<(), CardError> {
    let mut introduction = samples::introduction(samples::welcome());
    change(&mut introduction);
    Signed::sign(&introduction, &bob()).verify(NOW).map(drop)
}

fn bad(field: &'static str) -> Result<(), CardError> {
    Err(CardError::Field(field))
}

#[test]
fn a_handle_whose_tag_is_of_another_key_is_refused_everywhere() {
    let theirs = || Handle::new("maya", &bob().id()).unwrap();
    assert_eq!(judge_card(|card| card.handle = theirs()), bad("handle"));
    assert_eq!(judge_invite(|invite| invite.handle = theirs()), bad("handle"));
    let pointer = protocol::card::HandlePointer { handle: theirs(), ..samples::pointer() };
    assert_eq!(Signed::sign(&pointer, &alice()).verify(NOW).map(drop), bad("handle"));
}

#[test]
fn a_handle_whose_name_has_other_characters_is_refused_though_its_tag_fits() {
    let tag = alice().id().fingerprint(4);
    for name in ["", "Maya", "ma ya", "ma#ya", "m\u{430}ya", &"m".repeat(33)] {
        let handle: Handle = decode(&encode(&(name, &tag)), 128).unwrap();
        assert_eq!(judge_card(|card| card.handle = handle), bad("handle"), "{name}");
    }
}

#[test]
fn capabilities_out_of_order_or_twice_are_refused() {
    use Capability::{Calendar, Schedule, Vote};
    for list in [vec![Calendar, Schedule], vec![Vote, Vote], vec![Schedule, Vote, Calendar]] {
        assert_eq!(judge_card(|card| card.capabilities = list), bad("capabilities"));
    }
    assert_eq!(judge_card(|card| card.capabilities = vec![Schedule, Vote]), Ok(()));
}

#[test]
fn display_names_that_could_deceive_the_eye_are_refused() {
    let (longest, too_long) = ("é".repeat(32), "é".repeat(32) + "x");
    for name in ["M", "Maya 🌻", "مايا", "李 小龙", &longest] {
        assert_eq!(judge_card(|card| card.display_name = name.into()), Ok(()), "{name}");
    }
    let controls = ["a\0b", "a\nb", "a\tb", "a\u{7f}", "a\u{85}b", "\u{1b}[2J"];
    let lines = ["a\u{2028}b", "a\u{2029}b"];
    let turns = ["\u{202e}ayam", "a\u{200f}", "a\u{200e}", "a\u{2066}b", "a\u{2069}", "\u{61c}a"];
    let empty = ["", " ", "\u{3000}", &too_long];
    for name in [&controls[..], &lines, &turns, &empty].concat() {
        let verdict = judge_card(|card| card.display_name = name.into());
        assert_eq!(verdict, bad("display_name"), "{name:?}");
    }
}

#[test]
fn addresses_are_few_short_printable_and_begin_with_a_slash() {
    let home = |addresses: Vec<String>| HomeNode { addresses, ..samples::home() };
    let one = |address: &str| home(vec![address.to_owned()]);
    let longest = format!("/{}", "a".repeat(127));
    let refused = [
        home(vec!["/ip4/192.0.2.1".into(); 9]),
        one(""),
        one("ip4/192.0.2.1"),
        one("/ip4/192.0.2.1 "),
        one("/ip4/192.0.2.1\n"),
        one("/dns/exämple"),
        one(&(longest.clone() + "a")),
    ];
    for home in refused {
        assert_eq!(judge_card(|card| card.home = home.clone()), bad("home"), "{home:?}");
        assert_eq!(judge_invite(|invite| invite.home = home.clone()), bad("home"), "{home:?}");
        let verdict = judge_card(|card| card.mailboxes.push(home.clone()));
        assert_eq!(verdict, bad("mailboxes"), "{home:?}");
    }
    for home in [home(vec![]), home(vec![longest; 2]), home(vec!["/ip4/192.0.2.1".into(); 8])] {
        assert_eq!(judge_card(|card| card.home = home.clone()), Ok(()), "{home:?}");
        assert_eq!(judge_invite(|invite| invite.home = home.clone()), Ok(()), "{home:?}");
    }
}

#[test]
fn a_card_names_three_mailboxes_at_most() {
    let mailboxes = |count| vec![HomeNode { addresses: vec![], ..samples::home() }; count];
    assert_eq!(judge_card(|card| card.mailboxes = mailboxes(3)), Ok(()));
    assert_eq!(judge_card(|card| card.mailboxes = mailboxes(4)), bad("mailboxes"));
}

#[test]
fn a_key_package_has_1_to_1024_bytes() {
    assert_eq!(judge_card(|card| card.key_package = vec![0; 1024]), Ok(()));
    assert_eq!(judge_card(|card| card.key_package = vec![0; 1025]), bad("key_package"));
    assert_eq!(judge_card(|card| card.key_package = vec![]), bad("key_package"));
}

#[test]
fn an_introduction_carries_its_authors_own_card() {
    let card = |signer: &PersonaKey, of: &PersonaKey| Signed::sign(&samples::card(of, "x"), signer);
    assert_eq!(judge_introduction(|it| it.card = card(&bob(), &bob())), Ok(()));
    assert_eq!(judge_introduction(|it| it.card = card(&alice(), &alice())), bad("card"));
    assert_eq!(judge_introduction(|it| it.card = card(&alice(), &bob())), bad("card"));
}

#[test]
fn an_introduction_may_arrive_after_the_card_in_it_has_expired() {
    let introduction = samples::introduction(Purpose::Accept);
    let later = NOW + 20 * 24 * 60 * 60 * 1000;
    assert_eq!(introduction.card.verify(later), Err(CardError::Expired));
    assert_eq!(Signed::sign(&introduction, &bob()).verify(later), Ok(introduction));
}

#[test]
fn a_welcome_has_a_short_title_and_a_thousand_cards_at_most() {
    let titled = |len: usize| Purpose::Welcome {
        direct: false,
        title: "x".repeat(len),
        welcome: vec![],
        cards: vec![],
    };
    assert_eq!(judge_introduction(|it| it.purpose = titled(TITLE_BYTES_MAX)), Ok(()));
    assert_eq!(judge_introduction(|it| it.purpose = titled(TITLE_BYTES_MAX + 1)), bad("title"));
    let with_cards = |count| Purpose::Welcome {
        direct: false,
        title: String::new(),
        welcome: vec![],
        cards: vec![samples::cards()[1].signed(); count],
    };
    assert_eq!(judge_introduction(|it| it.purpose = with_cards(1000)), Ok(()));
    assert_eq!(judge_introduction(|it| it.purpose = with_cards(1001)), bad("cards"));
}
