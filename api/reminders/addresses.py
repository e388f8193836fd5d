"""Which addresses a webhook may go to. Whoever may name a URL must not reach the hospital's own machines with it.

At the door the written form is judged, without asking the network. At each sending the name is resolved once, every
address that it has is judged, and only a judged address is connected to. Networks that the operator allows are exempt.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from api.reminders.in_time import in_time
from api.reminders.notice import NotDelivered
from pumpcalc.errors import refused

__all__ = [
    "Resolver",
    "Target",
    "addresses_of",
    "check_webhook_addresses",
    "check_webhook_url",
    "is_permitted",
    "read_url",
    "system_resolver",
]

Resolver = Callable[[str, int], Sequence[str]]
"""The IP addresses of a name, for a port. Raises OSError when it has none."""

_LONGEST_URL = 2048
_LONGEST_NAME = 253
_WEB_PORTS = (80, 443)
_FIRST_FREE_PORT = 1024
_CHARACTER = r"[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}"
_URL = re.compile(
    r"(?P<scheme>(?i:https?))://(?P<host>\[(?i:[0-9a-f:.]+)\]|(?i:[a-z0-9.-]+))(?::(?P<port>[1-9][0-9]{0,4}))?"
    rf"(?P<path>/(?:{_CHARACTER})*)?(?P<query>\?(?:{_CHARACTER}|\?)*)?",
    re.ASCII,  # or else the Kelvin sign and the long s are letters in either case
)
_LABEL = r"(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?|xn--[a-z0-9-]{0,58}[a-z0-9]"
# A last label that begins with a digit is another way to write a number, and resolvers read it as one.
_NAME = re.compile(rf"(?:(?:{_LABEL})\.)*(?=[a-z])(?:{_LABEL})")
_USER_INFO = re.compile(r"https?://[^/?#]*@", re.ASCII | re.IGNORECASE)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What ipaddress takes for global, in this version of Python or another, and is not for us.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments; holds the metadata service of one cloud
        "192.88.99.0/24",  # relays of 6to4
        "168.63.129.16/32",  # the host agent of one cloud, at a public address
        "2001::/23",  # protocol assignments; Teredo, whose address holds another one
        "2002::/16",  # 6to4, whose address holds another one
        "3fff::/20",  # documentation
    )
)


@dataclass(frozen=True)
class Target:
    """A URL, taken apart."""

    scheme: str
    host: str
    """A name in lower case, or an IP address without brackets."""
    port: int
    path: str
    """With its query."""

    @property
    def address(self) -> _Address | None:
        """The IP address, when the URL holds one instead of a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def read_url(text: str) -> Target:
    """A URL taken apart, by one strict reading that no resolver or HTTP library can differ from.

    Raises ValueError with a sentence for a person, which repeats nothing of the URL.
    """
    if len(text) > _LONGEST_URL:
        raise ValueError(f"The address is longer than {_LONGEST_URL} characters; write a shorter one.")
    if _USER_INFO.match(text):
        raise ValueError("The address holds a user name or password; write it without: the signature is the proof.")
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError(
            "This is not the address of a web page; write it as https://hooks.hospital.example/path, in ASCII, with no"
            " space, no fragment, and other characters percent-encoded."
        )
    scheme, host = found["scheme"].lower(), found["host"].lower()
    port = int(found["port"]) if found["port"] else {"http": 80, "https": 443}[scheme]
    if port > 65535 or (port < _FIRST_FREE_PORT and port not in _WEB_PORTS):
        raise ValueError("The port of the address is not one of the web; write 443, 80, or one from 1024 to 65535.")
    return Target(scheme, _host(host), port, (found["path"] or "/") + (found["query"] or ""))


def _host(written: str) -> str:
    try:
        if written.startswith("["):
            return ipaddress.IPv6Address(written[1:-1]).compressed
        if written.replace(".", "").isdecimal():
            return str(ipaddress.IPv4Address(written))
    except ValueError:
        pass
    else:
        if len(written) <= _LONGEST_NAME and _NAME.fullmatch(written):
            return written
    raise ValueError(
        "The host of the address is neither a name nor an IP address in its usual form; write a name such as"
        " hooks.hospital.example, with no dot at its end; write one of another alphabet in its xn-- form."
    )


def check_webhook_url(text: str, allowed_networks: Iterable[str] = ()) -> str:
    """The URL itself, when a webhook may have it. Asks no network; ``check_webhook_addresses`` does.

    Raises Refusal ``webhook-url``, which repeats nothing of the URL.
    """
    allowed = [ipaddress.ip_network(network) for network in allowed_networks]
    try:
        _judge(read_url(text), allowed)
    except ValueError as error:
        raise refused("webhook-url", str(error)) from None
    return text


def _judge(target: Target, allowed: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> None:
    address = target.address
    if address is not None and not _permitted(address, allowed):
        raise ValueError(
            "The address lies in a network that a webhook may not reach; write one of the public internet."
        )
    is_own = _within(address, allowed) if address is not None else bool(allowed)
    if target.scheme == "http" and not is_own:
        raise ValueError("A webhook travels encrypted; write the address with https.")
    if address is None and not allowed and ("." not in target.host or target.host.endswith(".localhost")):
        raise ValueError("The host is a name of this network only; write its whole name on the public internet.")


def is_permitted(address: str, allowed_networks: Iterable[str] = ()) -> bool:
    """Whether a webhook may connect to this IP address: a public one, or one of an allowed network.

    >>> is_permitted("8.8.8.8"), is_permitted("64:ff9b::7f00:1"), is_permitted("10.1.2.3", ["10.0.0.0/8"])
    (True, False, True)
    """
    return _permitted(ipaddress.ip_address(address), [ipaddress.ip_network(network) for network in allowed_networks])


def _permitted(address: _Address, allowed: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    address = _carried(address)
    if _within(address, allowed):
        return True
    if isinstance(address, ipaddress.IPv6Address) and (address not in _UNICAST or address.scope_id):
        return False
    return address.is_global and not address.is_multicast and not _within(address, _NEVER)


def _carried(address: _Address) -> _Address:
    """The IPv4 address that a packet to this one ends at, for the two forms that resolvers really give back."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def _within(address: _Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    address = _carried(address)
    return any(address in network for network in networks)


def system_resolver(host: str, port: int) -> Sequence[str]:
    """What the machine's own resolver says."""
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_webhook_addresses(
    url: str, allowed_networks: Iterable[str] = (), resolve: Resolver = system_resolver, seconds: float = 5
) -> str:
    """The URL itself, when its name resolves now, and only to addresses that a webhook may reach.

    For the door, after ``check_webhook_url``: it tells a typing error at once. Each sending judges again.
    Raises Refusal ``webhook-url``.
    """
    allowed = list(allowed_networks)
    target = read_url(check_webhook_url(url, allowed))
    try:
        addresses_of(target, resolve, seconds, allowed)
    except NotDelivered as error:
        raise refused("webhook-url", f"{error}; write the address of a receiver that is reached from here.") from None
    return url


def addresses_of(
    target: Target, resolve: Resolver, seconds: float, allowed_networks: Iterable[str] | None = None
) -> list[str]:
    """Every IP address of a target, each judged, within ``seconds``. ``allowed_networks`` None: nothing is judged.

    Raises NotDelivered when there is none, when one of them is not permitted, or when the resolver is too slow.
    """
    found = [target.host] if target.address is not None else _resolved(target, resolve, seconds)
    if not found:
        raise NotDelivered("the name of the host does not resolve")
    if allowed_networks is not None:
        networks = list(allowed_networks)
        if not all(is_permitted(address, networks) for address in found):
            # One bad address among good ones is how a name is made to look harmless.
            raise NotDelivered("the name of the host leads into a network that a webhook may not reach")
        own = [ipaddress.ip_network(network) for network in networks]
        if target.scheme == "http" and not all(_within(ipaddress.ip_address(address), own) for address in found):
            raise NotDelivered("without https a webhook stays in the networks that are allowed to it")
    return found


def _resolved(target: Target, resolve: Resolver, seconds: float) -> list[str]:
    try:
        return in_time(lambda: list(resolve(target.host, target.port)), seconds)
    except TimeoutError:
        raise NotDelivered("the name of the host was not resolved in time") from None
    except Exception as error:
        raise NotDelivered("the name of the host does not resolve") from error
