"""Reads and writes the frames of swift-ipc: echoes every message, reversed.

    frames.py          over standard input and standard output
    frames.py PATH     over the Unix stream socket at PATH
"""
import socket
import struct
import sys

HELLO = struct.pack("<8sH6x", b"swiftIPC", 1)
HEADER = struct.Struct("<QBBHI")  # length, kind, flags, descriptors, type tag
MESSAGE, END = 1, 2
LIMIT = 16 << 20


class FrameWriter:
    def __init__(self, stream):
        self.stream = stream
        stream.write(HELLO)

    def send(self, payload):
        self.stream.write(HEADER.pack(len(payload), MESSAGE, 0, 0, 0) + payload)
        self.stream.flush()

    def finish(self):
        self.stream.write(HEADER.pack(0, END, 0, 0, 0))
        self.stream.flush()


class FrameReader:
    def __init__(self, stream):
        self.stream = stream
        self.greeted = False

    def exactly(self, count):
        data = self.stream.read(count)
        if len(data) < count:
            raise EOFError("the peer is gone" if not data else "the peer is gone inside a frame")
        return data

    def receive(self):
        """The next message; None when the peer has finished."""
        if not self.greeted:
            if self.exactly(16) != HELLO:
                raise ValueError("the peer does not speak version 1 of this protocol")
            self.greeted = True
        length, kind, flags, descriptors, _tag = HEADER.unpack(self.exactly(16))
        if kind == END and length == 0 and flags == 0:
            return None
        if kind != MESSAGE or flags != 0 or descriptors != 0:
            raise ValueError("a frame of an unknown kind")
        if length > LIMIT:
            raise ValueError(f"a message of {length} bytes and the limit is {LIMIT}")
        return self.exactly(length)


def echo(source, sink):
    reader, writer = FrameReader(source), FrameWriter(sink)
    while (message := reader.receive()) is not None:
        writer.send(message[::-1])
    writer.finish()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(sys.argv[1])
            stream = connection.makefile("rwb")
            echo(stream, stream)
    else:
        echo(sys.stdin.buffer, sys.stdout.buffer)
