#!/usr/bin/env python3
"""Somebody who arms, holds an arrow and fires, until the end of the process: driving_client.py HOST PORT AUTHORIZATION.

Prints what it does, each with the monotonic time: `arms` before and `armed` after it armed, `sent` before and
`answered` after every drive command, and `fired`. Disarmed because it was late itself, it arms and fires anew. With
REST in the environment it arms, listens to the events, and then does nothing.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time

PERIOD_S = 0.1
DRIVES_BEFORE_FIRE = 3
BODY = json.dumps({"pan": 1, "tilt": 1})


class Client:
    """One connection that is kept."""

    def __init__(self, host: str, port: int, authorization: str) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=30)
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}

    def post(self, name: str, body: str = "") -> bool:
        """Ask for something, and wait for the answer; False when the turret is not in a state for it."""
        self._connection.request("POST", f"/api/turret/{name}", body, self._headers)
        answer = self._connection.getresponse()
        said = answer.read()
        assert answer.status in (200, 409), said
        return answer.status == 200

    def drive(self) -> None:
        """Renew the drive."""
        say("sent")
        assert self.post("drive", BODY)
        say("answered")

    def arm(self) -> None:
        """Arm."""
        say("arms")
        assert self.post("arm")
        say("armed")

    def listen(self) -> http.client.HTTPResponse:
        """A stream of events whose first one has come."""
        self._connection.request("GET", "/api/events", headers=self._headers)
        answer = self._connection.getresponse()
        assert answer.readline().startswith(b"event: state")
        return answer


def say(what: str) -> None:
    """One line for whoever started us."""
    print(what, time.monotonic(), flush=True)


def main() -> None:
    """Arm, then drive and fire, or rest."""
    host, port, authorization = sys.argv[1:]
    client = Client(host, int(port), authorization)
    events = Client(host, int(port), authorization).listen() if "REST" in os.environ else None
    client.arm()
    while events is not None:
        events.readline()
    done = 0
    while True:
        client.drive()
        done += 1
        if done == DRIVES_BEFORE_FIRE:
            if client.post("fire"):
                say("fired")
            else:
                client.arm()
                done = 0
        time.sleep(PERIOD_S)


if __name__ == "__main__":
    main()
