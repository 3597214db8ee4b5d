#!/usr/bin/env python3
"""A second verifier of decision certificates, written from protocol/spec/decision.md alone.

    verify.py certificate.json --trust did:key:z6Mk.. [--trust ..]
    verify.py --batch < lines

A line of a batch is {"certificate": base64, "trust": [did, ..]}; each is answered with one line.
Needs the package `cryptography` for Ed25519 and nothing else.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections import namedtuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import mandates
import rules
from encoding import Reader, Refused, is_text, list_bytes, need, u16, u32, u64

CERTIFICATE_BYTES_MAX = 262_144
ELECTORATE_MAX, SEALERS_MAX = 100, 13
DAY_MS = 86_400_000
YEAR_9999_MS = 253_402_300_799_999
VOTE = b"conclave/vote/v1"
PROPOSAL, BALLOT, HELD, CONFIRM, CERTIFICATE, REVEALED = 1, 2, 3, 8, 11, 13

# The y coordinates of points of small order, in every spelling, without the sign bit.
SMALL_ORDER = {
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
}


def has_small_order(point):
    return point[:31] + bytes([point[31] & 0x7F]) in SMALL_ORDER


def digest(domain, data):
    return hashlib.sha256(domain + b"\0" + data).digest()


def signed_by(key, kind, proposal, body, signature):
    return holds(key, VOTE + b"\0" + bytes([kind]) + proposal + body, signature)


def holds(key, message, signature):
    if has_small_order(key) or has_small_order(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def numbers(n):
    f = (n - 1) // 3
    return n, f, (n + f) // 2 + 1


Proved = namedtuple("Proved", "id proposal roster ballots result value void unrevealed cast_by")


class Proposal:
    def __init__(self, body):
        r = Reader(body)
        self.body = body
        need(r.u8() == 1, "version of the proposal")
        self.group, self.epoch, self.context = r.take(16), r.u64(), r.take(32)
        self.roster_root, self.sealers_root = r.take(32), r.take(32)
        self.numbers = (r.u16(), r.u16(), r.u16())
        self.proposer = r.key()
        rule_from = r.at
        self.rule = rules.read_rule(r)
        rule_to = r.at
        self.question = r.text()
        self.options = r.list_of(r.text)
        self.opens = r.u64()
        self.rule_at, self.asked = (rule_from, rule_to), (rule_to, r.at)
        self.deadline, grace = r.u64(), r.u64()
        self.early_close = r.boolean()
        self.nonce = r.take(32)
        r.end()
        need(is_text(self.question, 1024), "question")
        need(len(self.options) <= 16, "options")
        need(all(is_text(option, 256) for option in self.options), "options")
        need(len(set(self.options)) == len(self.options), "options")
        need(self.opens < self.deadline <= YEAR_9999_MS, "deadline")
        need(self.deadline - self.opens <= 31 * DAY_MS, "deadline")
        need(grace <= DAY_MS, "grace")


    def revealing(self, hidden_id, value, ballots, void):
        """The proposal that follows from the certificate of this hidden one, and its id."""
        committed = [(voter, said) for voter, _, (_, said), _, _ in ballots if voter not in void]
        second = object.__new__(Proposal)
        second.__dict__ |= self.__dict__
        second.rule, rule_bytes = rules.reveal_rule(hidden_id, self.rule, committed)
        second.deadline = self.opens
        body = self.body[: self.rule_at[0]] + rule_bytes + self.body[slice(*self.asked)]
        body += u64(self.opens) + u64(0) + b"\0" + value
        return second, hashlib.sha256(body).digest()


def read_certificate(data):
    """The parts of a certificate, in order; checks encoding and sizes. In one of a hidden vote
    the certificate of its first half stands in the place of proposal and roster."""
    need(len(data) <= CERTIFICATE_BYTES_MAX, "too long")
    r = Reader(data)
    version, kind = r.u8(), r.u8()
    need(version == 1 and kind in (CERTIFICATE, REVEALED), "not a certificate of version 1")
    proposal_id = r.take(32)
    if kind == REVEALED:
        origin = r.bytes()
    else:
        origin = (r.u8(), r.u8(), r.take(32), r.bytes(), r.signature()), r.list_of(r.key)

    def ballot():
        return (r.u16(), r.u64(), rules.read_choice(r), mandates.read_caster(r), r.signature())

    def held():
        return (r.u16(), r.u32(), r.bytes(), r.signature())

    def sealer_signature():
        return (r.u16(), r.signature())

    ballots, lists = r.list_of(ballot), r.list_of(held)
    result = rules.read_result(r)
    confirms = r.list_of(sealer_signature)
    r.end()
    return kind, proposal_id, origin, ballots, lists, result, confirms


def rises(values):
    return all(a < b for a, b in zip(values, values[1:]))


def check(data):
    """Everything but trust. Returns what is proved; raises Refused."""
    kind, proposal_id, origin, ballots, lists, result, confirms = read_certificate(data)
    need(len(lists) <= SEALERS_MAX and len(confirms) <= SEALERS_MAX, "too many signatures")
    committed, void, marks = [], [], ballots
    if kind == REVEALED:
        need(origin[:2] == bytes([1, CERTIFICATE]), "no certificate of commitments")
        first = check(origin)
        need(first.result.outcome == rules.COMMITTED, "nothing was committed to")
        void, roster = first.result.void, first.roster
        proposal, expected = first.proposal.revealing(first.id, first.value, first.ballots, void)
        need(proposal_id == expected, "id of what follows from the commitments")
        committed = list(proposal.rule.fields["commitments"])
        marks = first.ballots
    else:
        message, roster = origin
        need(1 <= len(roster) <= ELECTORATE_MAX, "roster")
        proposal = check_proposal(proposal_id, message, roster)
    need(len(ballots) <= 26 * len(roster), "too many ballots")
    sealers = roster[:SEALERS_MAX]
    quorum = proposal.numbers[2]

    entries = check_content(proposal, proposal_id, roster, sealers, ballots, lists, result)
    root = hashlib.sha256(list_bytes([u16(voter) + name for voter, name in entries])).digest()
    value = digest(b"conclave/cut/v1", proposal_id + root + rules.result_bytes(result))

    need(len(confirms) == quorum and rises([c[0] for c in confirms]), "a quorum of confirmations")
    for sealer, signature in confirms:
        need(sealer < len(sealers), "a confirmation by no sealer")
        said = u16(sealer) + value
        need(signed_by(sealers[sealer], CONFIRM, proposal_id, said, signature), "confirmation")
    said = {ballot[0] for ballot in ballots}
    unrevealed = [voter for voter in committed if voter not in said]
    void = sorted([*void, *result.void])
    counts = said.difference(void)
    by = {ballot[0]: ballot[3] for ballot in marks if ballot[0] in counts}
    alone = sum(mark.mandate is not None for mark in by.values())
    cast_by = {"owner": len(by) - alone, "persona": alone}
    return Proved(proposal_id, proposal, roster, ballots, result, value, void, unrevealed, cast_by)


def check_proposal(proposal_id, message, roster):
    version, kind, message_id, body, signature = message
    need((version, kind) == (1, PROPOSAL), "not a proposal of version 1")
    need(hashlib.sha256(body).digest() == message_id == proposal_id, "id of the proposal")
    proposal = Proposal(body)
    need(signed_by(proposal.proposer, PROPOSAL, proposal_id, body, signature), "proposer's signature")

    need(rises(roster), "order of the roster")
    sealers = roster[:SEALERS_MAX]
    need(proposal.roster_root == digest(b"conclave/roster/v1", b"".join(roster)), "roster root")
    need(proposal.sealers_root == digest(b"conclave/roster/v1", b"".join(sealers)), "sealers root")
    need(proposal.numbers == numbers(len(sealers)), "n, f, q")
    need(proposal.proposer in roster, "proposer")
    rules.check_rule(proposal.rule, len(proposal.options), len(roster))
    return proposal


def check_content(proposal, proposal_id, roster, sealers, ballots, lists, result):
    entries = []
    for voter, cast_at, choice, by, signature in ballots:
        need(voter < len(roster), "a ballot by no member")
        need(proposal.opens <= cast_at <= proposal.deadline, "a ballot out of time")
        need(rules.allows(proposal.rule, voter, choice, len(proposal.options)), "a choice of another rule")
        mandates.check_caster(by, roster[voter], proposal_id, proposal, cast_at, holds)
        body = u16(voter) + u64(cast_at) + rules.choice_bytes(choice) + by.data
        need(signed_by(roster[voter], BALLOT, proposal_id, body, signature), "a ballot's signature")
        entries.append((voter, digest(VOTE, bytes([BALLOT]) + proposal_id + body)))
    need(rises(entries), "order of the ballots")

    need(len(lists) == proposal.numbers[2] and rises([l[0] for l in lists]), "a quorum of lists")
    named = set()
    for sealer, seq, bitmap, signature in lists:
        need(sealer < len(sealers), "a list by no sealer")
        need(len(bitmap) == (len(entries) + 7) // 8, "length of a bitmap")
        bits = [i for i in range(len(bitmap) * 8) if bitmap[i // 8] >> (i % 8) & 1]
        need(all(i < len(entries) for i in bits), "a bit behind the last ballot")
        chosen = [entries[i] for i in bits]
        voters = [voter for voter, _ in chosen]
        need(all(voters.count(voter) <= 2 for voter in voters), "three ballots of one voter in a list")
        body = u16(sealer) + u32(seq) + b"\1"
        body += list_bytes([u16(voter) + name for voter, name in chosen])
        need(signed_by(sealers[sealer], HELD, proposal_id, body, signature), "a list's signature")
        named.update(bits)
    need(len(named) == len(entries), "a ballot in no list")

    votes = [(voter, choice) for voter, _, choice, _, _ in ballots]
    right = rules.decide(proposal.rule, len(proposal.options), len(roster), votes)
    need(result == right, "the result is another")
    return entries


def verdict(data, trusted):
    try:
        proved = check(data)
    except Refused as why:
        return {"verdict": "invalid", "reason": str(why)}
    name = "valid" if all(key in trusted for key in proved.roster) else "unanchored"
    return {
        "verdict": name,
        "digest": proved.value.hex(),
        "tally": proved.result.tally,
        "void": proved.void,
        "unrevealed": proved.unrevealed,
        "cast_by": proved.cast_by,
    }


BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def key_of(did):
    prefix = "did:key:z"
    need(did.startswith(prefix), "a persona is a did:key")
    number = 0
    for letter in did[len(prefix) :]:
        need(letter in BASE58, "not base58")
        number = number * 58 + BASE58.index(letter)
    data = number.to_bytes(34, "big")
    need(data[:2] == b"\xed\x01", "not an Ed25519 key")
    return data[2:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--trust", action="append", default=[])
    parser.add_argument("--batch", action="store_true")
    arguments = parser.parse_args()
    if arguments.batch:
        for line in sys.stdin:
            asked = json.loads(line)
            trusted = {key_of(did) for did in asked["trust"]}
            answer = verdict(base64.b64decode(asked["certificate"], validate=True), trusted)
            print(json.dumps(answer), flush=False)
        return 0
    with open(arguments.file, encoding="utf-8") as file:
        data = base64.b64decode(json.load(file)["certificate"], validate=True)
    answer = verdict(data, {key_of(did) for did in arguments.trust})
    print(json.dumps(answer))
    return {"valid": 0, "invalid": 1, "unanchored": 2}[answer["verdict"]]


if __name__ == "__main__":
    sys.exit(main())
