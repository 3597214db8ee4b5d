"""Reads the encoding of protocol/spec/decision.md: one spelling for each value, nothing left over."""

import unicodedata


class Refused(Exception):
    """The bytes prove nothing; the text says why."""


def need(holds, why):
    if not holds:
        raise Refused(why)


class Reader:
    """Takes values off the front of some bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        end = self.at + count
        need(end <= len(self.data), "bytes end too early")
        part = self.data[self.at : end]
        self.at = end
        return part

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def u8(self):
        return self.number(1)

    def u16(self):
        return self.number(2)

    def u32(self):
        return self.number(4)

    def u64(self):
        return self.number(8)

    def boolean(self):
        byte = self.u8()
        need(byte < 2, "a truth is 0 or 1")
        return byte == 1

    def key(self):
        return self.take(32)

    def signature(self):
        return self.take(64)

    def bytes(self):
        return self.take(self.count())

    def text(self):
        try:
            return self.bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("text is not UTF-8") from None

    def count(self):
        count = self.u64()
        # Every element has at least one byte.
        need(count <= len(self.data) - self.at, "a count is larger than what is left")
        return count

    def list_of(self, element):
        return [element() for _ in range(self.count())]

    def end(self):
        need(self.at == len(self.data), "bytes are left over")


def u16(value):
    return value.to_bytes(2, "little")


def u32(value):
    return value.to_bytes(4, "little")


def u64(value):
    return value.to_bytes(8, "little")


def list_bytes(elements):
    return u64(len(elements)) + b"".join(elements)


def is_text(text, bytes_max):
    ranges = (0x061C, 0x061C), (0x200E, 0x200F), (0x2028, 0x202E), (0x2066, 0x2069)
    turns = {chr(c) for first, last in ranges for c in range(first, last + 1)}
    return (
        1 <= len(text.encode()) <= bytes_max
        and text.strip() != ""
        and not any(c in turns or (unicodedata.category(c) == "Cc" and c != "\n") for c in text)
    )
