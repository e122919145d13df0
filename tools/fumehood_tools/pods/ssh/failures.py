"""What can go wrong between us and a machine that we reach by ssh.

SshFailed                  the machine did not do what was asked
├── LinkLost               no connection, or it broke: connect again, and go on where it stopped
├── TooSlow                no answer within the time allowed: the machine may still be at it
├── HostKeyChanged         another machine answers at this address, or someone in between
├── LoginRefused           the machine does not know our key: trying again is no use
├── CommandFailed          a program over there ended with an error
├── MachineFull            its disk is full
├── Damaged                what arrived is not what was sent
└── ResultsRefused         what it wants to send is not what we take
"""

from fumehood_tools.errors import FumehoodError


class SshFailed(FumehoodError):
    """The machine did not do what was asked."""

    code = "ssh_failed"


class LinkLost(SshFailed):
    """There is no connection, or it broke. What was done before is kept."""

    code = "ssh_link_lost"


class TooSlow(SshFailed):
    """No answer came within the time allowed. The program may still run over there."""

    code = "ssh_too_slow"


class HostKeyChanged(SshFailed):
    """The machine has another host key than the one that is known for it."""

    code = "ssh_host_key"


class LoginRefused(SshFailed):
    """The machine does not accept our key for this user."""

    code = "ssh_login_refused"


class CommandFailed(SshFailed):
    """A program over there ended with an error.

    exit_code: its exit code, None if a signal ended it.
    """

    code = "ssh_command"

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class MachineFull(SshFailed):
    """The disk of the machine is full."""

    code = "ssh_machine_full"


class Damaged(SshFailed):
    """What arrived has another sha256 than what was sent."""

    code = "ssh_damaged"


class ResultsRefused(SshFailed):
    """The machine offers results that we do not take: too many, too large, or under odd names."""

    code = "ssh_results_refused"
