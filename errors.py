"""Every error this program raises on purpose.

    TurretError
    ├── ConfigError              a setting is unknown, missing or out of its range; the start stops
    ├── ServerError
    │   └── PortInUse            another program listens on our port
    ├── CameraError
    │   ├── NoCamera             there is no such camera, or it cannot be opened
    │   ├── CameraLost           an open camera went away, froze or stopped making sense
    │   ├── ControlRefused       a control or size cannot be set now, or the driver says no
    │   ├── AlreadyRecording     a recording runs already; there is one at a time
    │   └── NotRecording         no recording runs
    ├── HardwareError
    │   ├── LightLost            the light's device failed or went away; it is tried again
    │   ├── Busy                 somebody else holds the controls, or the trigger is still at its last shot
    │   ├── NotArmed             the trigger is disarmed
    │   ├── NotCalibrated        nobody has told yet which degrees a place in the picture stands for
    │   ├── OutOfRange           a position, speed or number no part of the turret can do (also a ValueError)
    │   ├── NoDevice             a part does not answer: pin taken, no permission, bus gone
    │   └── NotWatched           the dead-man stands still, so nothing may move
    ├── AlreadyRunning           a job of which there is one at a time runs already
    ├── NotSupported             this camera or board cannot do what was asked
    ├── StoreError
    │   ├── StoreUnavailable     the database or the media folder cannot be opened, read or written
    │   ├── NoSpace              the disk is too full to write more
    │   ├── NoSuchItem           there is no photo, video, preset or account of that number or name (also a KeyError)
    │   ├── NotPlayable          a file is not the picture or film it should be
    │   ├── NotConverted         pictures could not be made into a film; they are kept
    │   ├── NotCopied            no processed copy can be made of an item: it is a film, or too large
    │   ├── NotReady             the item is still being made, or its file is gone
    │   ├── TooManyItems         there are as many of that kind as there may be
    │   ├── LastAdmin            nobody would be left who may do everything
    │   └── NameTaken            something of that name exists already
    ├── RequestError
    │   ├── BadField             a value sent by a client breaks a rule (also a ValueError)
    │   ├── NotLoggedIn          nobody is logged in, or the password is wrong
    │   ├── NotAllowed           the account's role is too low
    │   ├── CrossSite            a change was asked for by another site's page
    │   └── TooManyViewers       every place is taken; try again later
    └── ThreadStuck              a thread did not stop in time

A message names the thing, its value and the rule: "port 70000 is outside 1..65535".
`web/errors.py` alone turns these into HTTP status codes.
"""


class TurretError(Exception):
    """Root of everything we raise on purpose; `str(error)` is fit for the person at the screen."""


class ConfigError(TurretError):
    """A setting is unknown, missing or breaks its rule; names file, section and key."""


class ServerError(TurretError):
    """The web server cannot do its work."""


class PortInUse(ServerError):
    """Another program listens on the address we were told to serve."""


class CameraError(TurretError):
    """Something about a camera."""


class NoCamera(CameraError):
    """The camera is not there or cannot be opened."""


class CameraLost(CameraError):
    """A camera that was open went away, froze or sends nonsense."""


class ControlRefused(CameraError):
    """The camera has this control or size but does not take it now; names both and says why."""


class AlreadyRecording(CameraError):
    """A recording or timelapse runs already; there is one at a time, never a queue."""


class NotRecording(CameraError):
    """No recording or timelapse runs that could be ended."""


class HardwareError(TurretError):
    """Something about pins, motors, servos or lights."""


class LightLost(HardwareError):
    """The light's device failed, went away or is not ours to use; trying again may help."""


class Busy(HardwareError):
    """Not now: somebody else holds the controls, or the trigger is still at its last shot; never a queue.

    :param seconds_left: when it is worth trying again, seconds.
    """

    def __init__(self, message: str, seconds_left: float = 0.0) -> None:
        super().__init__(message)
        self.seconds_left = seconds_left


class NotArmed(HardwareError):
    """The trigger is disarmed; it has to be armed first."""


class NotCalibrated(HardwareError):
    """A place in the picture says nothing of degrees yet; two clicks on the page calibrate it."""


class OutOfRange(HardwareError, ValueError):
    """A value breaks a rule of the hardware; names value and rule.

    :param field: name of the offending value.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NoDevice(HardwareError):
    """A configured part does not answer; names it and says why."""


class NotWatched(HardwareError):
    """The thread that ends every motion stands still or is closed, so none may begin."""


class AlreadyRunning(TurretError):
    """A job of which there is one at a time runs already."""


class NotSupported(TurretError):
    """This camera or board cannot do that; names the device and what was asked."""


class StoreError(TurretError):
    """Something about the database."""


class StoreUnavailable(StoreError):
    """The database file or the media folder cannot be opened, read or written."""


class NoSpace(StoreError):
    """The disk is too full to write more; says how much is free and how much must stay free."""


class NoSuchItem(StoreError, KeyError):
    """There is no item of that number or name; names it."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would put quotes around it


class NotPlayable(StoreError):
    """A file is not the picture or film it should be; names it and what is wrong."""


class NotConverted(StoreError):
    """Pictures could not be made into a film; says why. They are kept."""


class NotCopied(StoreError):
    """No processed copy can be made of an item: it is a film, or too large for the machine; names it and the rule."""


class NotReady(StoreError):
    """The item cannot be had now: it is still being made, or its file is gone."""


class TooManyItems(StoreError):
    """There are as many of that kind as there may be; names the bound."""


class LastAdmin(StoreError):
    """Nobody would be left who may do everything; names who is the last."""


class NameTaken(StoreError):
    """The name is in use already."""


class RequestError(TurretError):
    """A client asked for something it cannot have."""


class BadField(RequestError, ValueError):
    """A value breaks a rule.

    :param field: name of the offending field or parameter.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NotLoggedIn(RequestError):
    """No valid session or password came with the request."""


class NotAllowed(RequestError):
    """The account's role does not reach what the route needs."""


class CrossSite(RequestError):
    """A changing request came from another site."""


class TooManyViewers(RequestError):
    """All places are taken.

    :param retry_after_s: when it is worth trying again, seconds.
    """

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ThreadStuck(TurretError):
    """A thread was told to stop and did not."""
