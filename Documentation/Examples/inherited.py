"""Takes the ends that a parent gave to this program, and echoes every message, reversed, from the first to the second.

    ChildProcess.spawn("python3", arguments: ["inherited.py"], transferring: [reader, writer])
"""
import os
import struct

from frames import FrameReader, FrameWriter

RECEIVER = struct.Struct("<4BI4Q")  # version, 0x52, framing, flags, descriptors, limit, hellos, ends, bytes behind
SENDER = struct.Struct("<4BIQ")  # version, 0x57, framing, needs hello, descriptors, limit


def inherited():
    """Each endpoint as a list of descriptors and a state; None where the numbers mean something else by now."""
    version, *items = os.environ.pop("SWIFT_IPC_INHERITED", "").split(";")
    if version != "1" or not items or items.pop() != "":
        return []
    return [endpoint(item) for item in items]


def endpoint(item):
    descriptors, state = item.split("/")
    numbers = []
    for descriptor in filter(None, descriptors.split(",")):
        number, file = descriptor.split("@")
        try:
            found = os.fstat(int(number))
        except OSError:
            return None
        if f"{found.st_dev}:{found.st_ino}" != file:
            return None
        numbers.append(int(number))
    for number in numbers:
        os.set_inheritable(number, False)
        os.set_blocking(number, True)
    return numbers, bytes.fromhex(state)


class Resumed:
    """Bytes that the parent had read and not delivered, and then those of the descriptor."""

    def __init__(self, waiting, stream):
        self.waiting, self.stream = waiting, stream

    def read(self, count):
        part, self.waiting = self.waiting[:count], self.waiting[count:]
        return part if len(part) == count else part + self.stream.read(count - len(part))


def pipe_reader(descriptors, state):
    (number,) = descriptors
    version, kind, framing, flags, _, _, hellos, _, count = RECEIVER.unpack_from(state, 1)
    waiting = state[1 + RECEIVER.size :]
    if (version, kind, framing) != (1, 0x52, 1) or len(waiting) != count or flags & 1:
        raise ValueError("endpoint 0 is not the reading end of a pipe with messages")
    reader = FrameReader(Resumed(waiting, os.fdopen(number, "rb")))
    reader.greeted = hellos > 0
    return reader


def pipe_writer(descriptors, state):
    (number,) = descriptors
    version, kind, framing, needs_hello, _, _ = SENDER.unpack(state)
    if (version, kind, framing, needs_hello) != (1, 0x57, 1, 1):
        raise ValueError("endpoint 1 is not the writing end of a pipe with messages that nobody has used")
    return FrameWriter(os.fdopen(number, "wb"))


if __name__ == "__main__":
    first, second = inherited()
    reader, writer = pipe_reader(*first), pipe_writer(*second)
    while (message := reader.receive()) is not None:
        writer.send(message[::-1])
    writer.finish()
