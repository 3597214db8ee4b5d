//! Rules of messages, at both ends.

use protocol::{
    identity::MessageId,
    session::{GroupEngine, SessionError},
    wire::Content,
};

use super::world::{GROUP, NOW, group_of, message};

#[test]
fn a_message_of_ours_has_to_have_the_id_of_its_number() {
    let mut members = group_of(2);
    members[0].save();
    let plain = message(members[0].id(), 1, Content::text("hello"));
    let mut wrong_id = plain.clone();
    wrong_id.id = MessageId([9; 16]);
    let mut wrong_previous = plain.clone();
    wrong_previous.previous = MessageId([9; 16]);
    let mut too_long = plain.clone();
    too_long.content.body = vec![0; Content::BODY_BYTES_MAX + 1];
    let others = message(members[1].id(), 1, Content::text("hello"));
    for (field, message) in
        [("id", wrong_id), ("previous", wrong_previous), ("body", too_long), ("id", others)]
    {
        let result = members[0].engine.seal(GROUP, &message, NOW);
        assert_eq!(result, Err(SessionError::OwnMessage(field)));
    }
    assert_eq!(members[0].save(), 0);
    assert!(members[0].engine.seal(GROUP, &plain, NOW).is_ok());
}
