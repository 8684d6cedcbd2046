#!/usr/bin/env python3
"""A participant of a coordination, written from coordination-protocol.md with the standard library alone.

It keeps values under keys in a log: a line a change, `number<TAB>key<TAB>value`, numbered from 1 on. The log is
its state and its stream; the digest of the stream at a cut is the SHA-256 of the bytes of all lines up to there.

    participant.py --socket run/coordinator.sock --name orders --folder orders-state

Files in the folder:

    log        the changes, as everyone may see them
    turn       the latest question that was heard: its epoch and its round
    prepared   what the log would be at the cut, from `prepare` on
    executed   the same from `execute` on, until `clean_up` puts it into the log's place

Each of them comes into its place whole, by a rename, or isn't there. So whatever a kill interrupts, the log is as
it was or at the cut, and each step can be taken again.

Absent on purpose: transactions that are shared with others. Terms in which it takes part name it in no range of
them. It also rebuilds nothing: it has nothing but its log.
"""

import argparse
import hashlib
import json
import os
import socket
import sys
import time

PROTOCOL = 1
LINE_BYTES_MAX = 16_777_216
AGAIN_SECONDS, AGAIN_SECONDS_MAX = 0.1, 10.0
MAY_PASS = ("name_taken", "too_many", "no_hello")


class Failed(Exception):
    """A request can't be answered, for this reason."""


class Folder:
    """Files that are there whole or not at all, and durably."""

    def __init__(self, path):
        os.makedirs(path, exist_ok=True)
        self.path = path

    def _at(self, name):
        return os.path.join(self.path, name)

    def _sync(self):
        entries = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(entries)
        finally:
            os.close(entries)

    def read(self, name):
        """What a file holds; None where it isn't there."""
        try:
            with open(self._at(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def write(self, name, content):
        with open(self._at(name + ".new"), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.rename(name + ".new", name)

    def rename(self, old, new):
        os.replace(self._at(old), self._at(new))
        self._sync()

    def remove(self, *names):
        for name in names:
            try:
                os.unlink(self._at(name))
            except FileNotFoundError:
                pass
        # What an earlier life took away may not be durable yet.
        self._sync()


class Fence:
    """The latest question that was heard: its epoch and its round."""

    def __init__(self, folder):
        self.folder = folder
        kept = folder.read("turn")
        self.turn = (0, 0) if kept is None else self._parse(kept)

    @staticmethod
    def _parse(kept):
        text = kept.decode("ascii")
        epoch, turn_round = (int(part) for part in text.split())
        if text != f"{epoch} {turn_round}\n":
            raise ValueError(f"the file of the latest question is damaged: {text!r}")
        return epoch, turn_round

    def raise_to(self, turn):
        self.folder.write("turn", f"{turn[0]} {turn[1]}\n".encode("ascii"))
        self.turn = turn


class KeyValueLog:
    """The participant: what it is asked, and how it does it."""

    def __init__(self, name, folder, stream, role):
        self.name, self.folder, self.stream, self.role = name, folder, stream, role

    def assess(self, _plan, alive):
        self.folder.remove("prepared")
        length = len(self._changes(alive))
        standing = {"role": self.role, "floor": 0, "at": length, "reach": length}
        return {"report": {"standings": {self.stream: standing}}}

    def prepare(self, plan, alive):
        if self.name in plan["rebuild"]:
            return {"no": "it has nothing to make its log anew from"}
        changes, cut = self._changes(alive), plan["cut"].get(self.stream)
        if cut is None or cut > len(changes):
            return {"no": f"there are {len(changes)} changes, and not {cut}"}
        content = b"".join(changes[:cut])
        self.folder.write("prepared", content)
        return {"yes": self._proof(content, alive)}

    def execute(self, plan, alive):
        content = self._at_cut(plan, alive)
        if self.folder.read("prepared") == content:
            self.folder.rename("prepared", "executed")
        elif self.folder.read("executed") != content:
            self.folder.write("executed", content)
        return "done"

    def validate(self, plan, alive):
        executed = self.folder.read("executed")
        if executed is None:
            raise Failed("it isn't at the cut")
        if executed.count(b"\n") != plan["cut"].get(self.stream):
            raise Failed("it is at another cut")
        return {"proof": self._proof(executed, alive)}

    def roll_back(self, _plan, _alive):
        self.folder.remove("executed", "prepared")
        return "done"

    def clean_up(self, _plan, _alive):
        if self.folder.read("executed") is not None:
            self.folder.rename("executed", "log")
        self.folder.remove("prepared", "prepared.new", "executed.new", "turn.new")
        return "done"

    def _at_cut(self, plan, alive):
        changes, cut = self._changes(alive), plan["cut"].get(self.stream)
        if cut is None or cut > len(changes):
            raise Failed(f"there are {len(changes)} changes, and not {cut}")
        return b"".join(changes[:cut])

    def _changes(self, alive):
        """The log's lines. A last one without an end was never acknowledged; any other that is wrong is damage."""
        changes = []
        *lines, _unfinished = (self.folder.read("log") or b"").split(b"\n")
        for line in lines:
            alive()
            number, tab, _ = line.partition(b"\t")
            if not tab or number != str(len(changes) + 1).encode("ascii"):
                raise Failed(f"line {len(changes) + 1} of the log is damaged")
            changes.append(line + b"\n")
        return changes

    def _proof(self, content, alive):
        digest = hashlib.sha256()
        for start in range(0, len(content), 1 << 20):
            alive()
            digest.update(content[start : start + (1 << 20)])
        return {self.stream: digest.hexdigest()}


def answer(participant, fence, call, alive):
    """The reply to a call."""
    request = call["request"]
    verb, plan = (request, None) if isinstance(request, str) else next(iter(request.items()))
    turn = (call["epoch"], call["round"])
    if turn < fence.turn:
        return {"superseded": fence.turn[0]}
    if verb not in ("assess", "prepare", "execute", "validate", "roll_back", "clean_up"):
        return {"failed": f"{verb} is nothing that can be asked"}
    try:
        if turn > fence.turn:
            fence.raise_to(turn)
        return getattr(participant, verb)(plan, alive)
    except (Failed, OSError) as error:
        return {"failed": str(error)}


class TurnedAway(Exception):
    """The coordinator doesn't want it, and won't when it comes again."""


class Connection:
    """A connection to the coordinator: lines of JSON."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.lines = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def say(self, kind, value):
        line = self._line(kind, value)
        if len(line) > LINE_BYTES_MAX:
            value = dict(value, reply={"failed": f"the answer is a line of {len(line)} bytes"})
            line = self._line(kind, value)
        self.socket.sendall(line)

    @staticmethod
    def _line(kind, value):
        return json.dumps({kind: value}, separators=(",", ":")).encode("utf-8") + b"\n"

    def hear(self):
        """The next message, as its kind and its value."""
        line = self.lines.readline(LINE_BYTES_MAX)
        if not line.endswith(b"\n"):
            raise ConnectionError("the coordinator is gone")
        message = json.loads(line)
        return (message, None) if isinstance(message, str) else next(iter(message.items()))


def serve(connection, participant, fence, hello, welcomed):
    """Answers until nothing more is asked."""
    connection.say("hello", hello)
    heartbeat_seconds = None
    while True:
        kind, value = connection.hear()
        if kind == "welcome":
            heartbeat_seconds = value["heartbeat_ms"] / 1000
            welcomed()
        elif kind == "call" and heartbeat_seconds is not None:
            epoch, last = value["epoch"], time.monotonic()

            def alive():
                nonlocal last
                if time.monotonic() - last >= heartbeat_seconds:
                    last = time.monotonic()
                    connection.say("alive", {"epoch": epoch})

            reply = answer(participant, fence, value, alive)
            connection.say("answer", {"epoch": epoch, "round": value["round"], "reply": reply})
        elif kind == "ended":
            return
        elif kind == "turned_away":
            if value["reason"] in MAY_PASS:
                raise ConnectionError(value["text"])
            raise TurnedAway(value["text"])
        else:
            raise TurnedAway(f"{kind} isn't of the protocol")


def main():
    parser = argparse.ArgumentParser(description="A key-value log that takes part in coordinations.")
    parser.add_argument("--socket", required=True, help="the coordinator's socket")
    parser.add_argument("--name", required=True, help="the name under which it takes part")
    parser.add_argument("--folder", required=True, help="the folder of the log")
    parser.add_argument("--stream", help="the name of the log's stream (default: the name)")
    parser.add_argument("--role", choices=["source", "follower"], default="source")
    arguments = parser.parse_args()

    folder = Folder(arguments.folder)
    try:
        fence = Fence(folder)
    except (ValueError, OSError) as error:
        print(f"{arguments.name}: {error}", file=sys.stderr)
        return 1
    stream = arguments.stream or arguments.name
    participant = KeyValueLog(arguments.name, folder, stream, arguments.role)
    hello = {"protocol": PROTOCOL, "name": arguments.name, "kind": "external_system",
             "about": "a key-value log"}
    wait = AGAIN_SECONDS

    def welcomed():
        nonlocal wait
        wait = AGAIN_SECONDS

    while True:
        try:
            with Connection(arguments.socket) as connection:
                serve(connection, participant, fence, hello, welcomed)
            return 0
        except TurnedAway as error:
            print(f"{arguments.name}: turned away: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            print(f"{arguments.name}: {error}; trying again", file=sys.stderr)
        time.sleep(wait)
        wait = min(2 * wait, AGAIN_SECONDS_MAX)


if __name__ == "__main__":
    sys.exit(main())
