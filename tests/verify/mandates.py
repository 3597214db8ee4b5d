"""Who cast a ballot, and whether the mandate of a persona that voted by itself covers it."""

import datetime
import re

import rules
from encoding import need

MANDATE = b"conclave/mandate/v1"
DAY_MS = 86_400_000
OWNER, PERSONA, COMMITTED = 0, 1, 2
EVERYWHERE, CONVERSATION, PROPOSAL = 0, 1, 2
TIMES, ANY = 0, 1
METHODS = 0b111_1111
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class Mandate:
    def __init__(self, reader):
        start = reader.at
        self.number = reader.u64()
        self.reach = reader.u32()
        need(self.reach <= PROPOSAL, "no such reach of a mandate")
        self.of = reader.take([0, 16, 32][self.reach])
        self.topic = reader.u32()
        need(self.topic <= ANY, "no such topic of a mandate")
        self.methods = reader.u16()
        self.granted, self.expires = reader.u64(), reader.u64()
        self.body = reader.data[start : reader.at]
        self.signature = reader.signature()


class Mark:
    def __init__(self, reader):
        start = reader.at
        self.kind = reader.u32()
        need(self.kind <= COMMITTED, "no such mark")
        self.mandate = Mandate(reader) if self.kind == PERSONA else None
        self.data = reader.data[start : reader.at]


def read_caster(reader):
    """Who decided: the owner, or the persona under a mandate, or whoever committed."""
    return Mark(reader)


def check_caster(mark, voter, proposal_id, proposal, cast_at, holds):
    reveals = proposal.rule.kind == rules.REVEAL
    need(reveals == (mark.kind == COMMITTED), "a mark of the other half of a hidden vote")
    mandate = mark.mandate
    if mandate is None:
        return
    need(mandate.methods != 0 and mandate.methods & ~METHODS == 0, "methods of a mandate")
    need(0 <= mandate.expires - mandate.granted <= 366 * DAY_MS, "time of a mandate")
    need(mandate.granted <= cast_at <= mandate.expires, "a mandate out of time")
    of = {EVERYWHERE: b"", CONVERSATION: proposal.group, PROPOSAL: proposal_id}
    need(mandate.of == of[mandate.reach], "a mandate for another place")
    about_times = proposal.options != [] and all(map(is_time_span, proposal.options))
    need(mandate.topic == ANY or about_times, "a mandate for times alone")
    rule = proposal.rule.fields.get("inner", proposal.rule)
    need(mandate.methods >> rule.kind & 1, "a mandate for other methods")
    said = MANDATE + b"\0" + voter + mandate.body
    need(holds(voter, said, mandate.signature), "signature of a mandate")


def is_time_span(text):
    parts = text.split("/")
    return len(parts) == 2 and all(map(is_moment, parts)) and parts[0] < parts[1]


def is_moment(text):
    if not MOMENT.fullmatch(text) or int(text[:4]) < 1970:
        return False
    try:
        datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return False
    # strptime takes a leap second.
    return int(text[17:19]) < 60
