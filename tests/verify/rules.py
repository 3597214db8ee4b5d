"""The rules of protocol/spec/decision.md: ballots in, result out, in whole numbers."""

from dataclasses import dataclass

import hashlib

from encoding import Reader, is_text, list_bytes, need, u16, u32, u64

THRESHOLD, APPROVAL, SCORE, SUITABILITY, RANKED, CONSENT, VETO, HIDDEN, REVEAL = range(9)
YES, NO, ABSTAIN, APPROVE, POINTS, RANK, OBJECT, COMMIT, REVEALED = range(9)
ACCEPTED, REJECTED, NO_QUORUM, WINNERS, NO_WINNER, COMMITTED = range(6)
INNER_BYTES_MAX = 320
WEEK_MS = 604_800_000


@dataclass
class Rule:
    kind: int
    fields: dict


def read_inner(reader, read):
    data = reader.bytes()
    need(len(data) <= INNER_BYTES_MAX, "too much inside of something hidden")
    inside = Reader(data)
    value = read(inside)
    inside.end()
    return value, data


def read_rule(reader):
    kind = reader.u32()
    # What follows from a certificate is never read, only made.
    need(kind <= HIDDEN, "no such rule")
    fields = {}
    if kind == HIDDEN:
        inner, data = read_inner(reader, read_rule)
        need(inner.kind != HIDDEN, "hidden twice")
        fields = {"inner": inner, "bytes": data, "reveal_ms": reader.u64(), "quorum": inner.fields["quorum"]}
        return Rule(kind, fields)
    if kind in (THRESHOLD, VETO):
        fields = {"num": reader.u16(), "den": reader.u16(), "base": reader.u32()}
        need(fields["base"] < 2, "base is electorate or cast")
    if kind == SCORE:
        fields["points"] = reader.u8()
    if kind in (APPROVAL, SCORE, SUITABILITY):
        fields["winners"] = reader.u16()
    if kind in (APPROVAL, SUITABILITY):
        fields |= {"num": reader.u16(), "den": reader.u16()}
    fields["quorum"] = reader.u16()
    if kind == VETO:
        fields["holders"] = reader.list_of(reader.u16)
    return Rule(kind, fields)


def check_rule(rule, options, electorate):
    f = rule.fields
    if rule.kind == HIDDEN:
        need(1_000 <= f["reveal_ms"] <= WEEK_MS, "time to reveal")
        check_rule(f["inner"], options, electorate)
    if rule.kind in (THRESHOLD, VETO):
        need(1 <= f["num"] <= f["den"], "threshold")
    if "winners" in f:
        need(1 <= f["winners"] <= options, "winners")
    if rule.kind in (APPROVAL, SUITABILITY):
        need(f["den"] >= 1 and f["num"] <= f["den"], "minimum")
    if rule.kind == SCORE:
        need(1 <= f["points"] <= 100, "points")
    if rule.kind == RANKED:
        need(options >= 2, "options")
    if rule.kind == VETO:
        holders = f["holders"]
        need(holders and all(a < b for a, b in zip(holders, holders[1:])), "holders")
        need(holders[-1] < electorate, "holders")
    need(f["quorum"] <= electorate, "quorum")


def read_choice(reader):
    kind = reader.u32()
    need(kind <= REVEALED, "no such choice")
    if kind == COMMIT:
        return (kind, reader.take(32))
    if kind == REVEALED:
        return (kind, (reader.take(32), *read_inner(reader, read_choice)))
    if kind in (APPROVE, RANK):
        return (kind, tuple(reader.list_of(reader.u16)))
    if kind == POINTS:
        return (kind, tuple(reader.list_of(reader.u8)))
    return (kind, reader.text() if kind == OBJECT else ())


def choice_bytes(choice):
    kind, said = choice
    data = u32(kind)
    if kind in (APPROVE, RANK):
        data += list_bytes([u16(part) for part in said])
    elif kind == POINTS:
        data += list_bytes([bytes([part]) for part in said])
    elif kind == COMMIT:
        data += said
    elif kind == REVEALED:
        data += said[0] + u64(len(said[2])) + said[2]
    elif kind == OBJECT:
        data += u64(len(said.encode())) + said.encode()
    return data


def commitment(proposal_id, voter, salt, choice_bytes):
    said = proposal_id + u16(voter) + salt + choice_bytes
    return hashlib.sha256(b"conclave/commitment/v1\0" + said).digest()


def reveal_rule(hidden_id, rule, commitments):
    """The rule of the second half of a hidden vote, and its encoding."""
    f = rule.fields
    data = u32(REVEAL) + u64(len(f["bytes"])) + f["bytes"] + u64(f["reveal_ms"]) + hidden_id
    data += list_bytes([u16(voter) + name for voter, name in commitments])
    fields = {"inner": f["inner"], "hidden": hidden_id, "commitments": dict(commitments)}
    return Rule(REVEAL, fields), data


def allows(rule, voter, choice, options):
    kind, said = choice
    if rule.kind == HIDDEN:
        return kind == COMMIT
    if rule.kind == REVEAL:
        if kind != REVEALED or voter not in rule.fields["commitments"]:
            return False
        salt, inner, data = said
        name = commitment(rule.fields["hidden"], voter, salt, data)
        return name == rule.fields["commitments"][voter] and allows(rule.fields["inner"], voter, inner, options)
    if kind == ABSTAIN:
        return True
    if rule.kind in (THRESHOLD, VETO):
        return kind in (YES, NO)
    if rule.kind == CONSENT:
        return kind == YES or (kind == OBJECT and is_text(said, 256))
    if rule.kind == APPROVAL:
        rising = kind == APPROVE and all(a < b for a, b in zip(said, said[1:]))
        return rising and all(part < options for part in said)
    if rule.kind == RANKED:
        distinct = kind == RANK and len(set(said)) == len(said)
        return distinct and all(part < options for part in said)
    most = rule.fields["points"] if rule.kind == SCORE else 2
    return kind == POINTS and len(said) == options and all(part <= most for part in said)


@dataclass
class Result:
    outcome: int
    winners: list
    tie: bool
    tally: list
    cast: int
    electorate: int
    void: list


def read_result(reader):
    outcome = reader.u32()
    need(outcome <= COMMITTED, "no such outcome")
    winners, tie = [], False
    if outcome == WINNERS:
        winners, tie = reader.list_of(reader.u16), reader.boolean()
    tally = reader.list_of(reader.u32)
    return Result(outcome, winners, tie, tally, reader.u32(), reader.u32(), reader.list_of(reader.u16))


def result_bytes(result):
    data = u32(result.outcome)
    if result.outcome == WINNERS:
        data += list_bytes([u16(option) for option in result.winners]) + bytes([result.tie])
    data += list_bytes([u32(count) for count in result.tally])
    return data + u32(result.cast) + u32(result.electorate) + list_bytes([u16(v) for v in result.void])


def decide(rule, options, electorate, ballots):
    """The result of pairs of voter and choice; a voter who stands there twice is void."""
    if rule.kind == REVEAL:
        plain = [(voter, said[1]) for voter, (_, said) in ballots]
        return decide(rule.fields["inner"], options, electorate, plain)
    voters = [voter for voter, _ in ballots]
    void = sorted({voter for voter in voters if voters.count(voter) > 1})
    counted = [(voter, choice) for voter, choice in ballots if voter not in void]
    cast = len(counted)
    tally = tally_of(rule, options, counted)
    outcome, winners, tie = outcome_of(rule, options, tally, cast, electorate)
    return Result(outcome, winners, tie, tally, cast, electorate, void)


def tally_of(rule, options, counted):
    choices = [choice for _, choice in counted]

    def times(*wanted):
        return sum(kind in wanted for kind, _ in choices)

    def points(option, holds):
        given = [said[option] for kind, said in choices if kind == POINTS]
        return sum(holds(number) for number in given)

    if rule.kind == HIDDEN:
        return [times(COMMIT)]
    if rule.kind == THRESHOLD:
        return [times(YES), times(NO), times(ABSTAIN)]
    if rule.kind == VETO:
        holders = rule.fields["holders"]
        vetoes = sum(choice[0] == NO and voter in holders for voter, choice in counted)
        return [times(YES), times(NO), times(ABSTAIN), vetoes]
    if rule.kind == CONSENT:
        return [times(YES), times(OBJECT), times(ABSTAIN)]
    if rule.kind == APPROVAL:
        return [sum(kind == APPROVE and o in said for kind, said in choices) for o in range(options)]
    if rule.kind == SCORE:
        return [points(option, int) for option in range(options)]
    if rule.kind == SUITABILITY:
        yes = [points(option, lambda number: number == 2) for option in range(options)]
        return yes + [points(option, lambda number: number == 1) for option in range(options)]
    matrix = [0] * (options * options)
    for kind, said in choices:
        if kind == RANK:
            place = [said.index(o) if o in said else len(said) for o in range(options)]
            for cell in range(options * options):
                matrix[cell] += place[cell // options] < place[cell % options]
    return matrix


def outcome_of(rule, options, tally, cast, electorate):
    f = rule.fields
    if cast < max(f["quorum"], 1):
        return NO_QUORUM, [], False
    if rule.kind in (THRESHOLD, VETO):
        base = cast if f["base"] else electorate
        holds = tally[0] * f["den"] >= f["num"] * base and tally[3:] in ([], [0])
        return (ACCEPTED if holds else REJECTED), [], False
    if rule.kind == HIDDEN:
        return COMMITTED, [], False
    if rule.kind == CONSENT:
        return (REJECTED if tally[1] else ACCEPTED), [], False
    if rule.kind == RANKED:
        return schulze(tally, options)
    worth = [(votes,) for votes in tally]
    if rule.kind == SUITABILITY:
        worth = [(tally[o] + tally[options + o], tally[o]) for o in range(options)]
    num, den = f.get("num", 0), f.get("den", 1)
    eligible = [o for o in range(options) if worth[o][0] and worth[o][0] * den >= num * cast]
    eligible.sort(key=lambda o: ([-number for number in worth[o]], o))
    won, lost = eligible[: f["winners"]], eligible[f["winners"] :]
    if not won:
        return NO_WINNER, [], False
    return WINNERS, sorted(won), bool(lost) and worth[lost[0]] == worth[won[-1]]


def schulze(matrix, options):
    if not any(matrix):
        return NO_WINNER, [], False
    every = range(options)
    strong = [[0] * options for _ in every]
    for i in every:
        for j in every:
            there, back = matrix[i * options + j], matrix[j * options + i]
            strong[i][j] = there if there > back else 0
    for k in every:
        for i in every:
            for j in every:
                if i != j:
                    strong[i][j] = max(strong[i][j], min(strong[i][k], strong[k][j]))
    winners = [i for i in every if all(strong[i][j] >= strong[j][i] for j in every)]
    return WINNERS, winners[:1], len(winners) > 1
