"""Where a webhook may go: the door reads a URL in one way only, and no form of a special address gets through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_webhooks import notice, to

from api.reminders.addresses import check_webhook_addresses, check_webhook_url, is_permitted, read_url
from api.reminders.notice import NotDelivered, Undeliverable
from api.reminders.webhook import WebhookChannel
from pumpcalc.errors import Refusal

_CASES = [
    case
    for case in json.loads((Path(__file__).parents[1] / "hostile" / "hostile_inputs.json").read_text("utf-8"))["inputs"]
    if case["field"] == "webhook.url"
]
_NEEDS_THE_RESOLVER = {"H335": "127.0.0.1"}


def test_there_are_fourteen_hostile_urls() -> None:
    assert len(_CASES) == 14
    assert {case["expected"] for case in _CASES} == {"reject_422_ssrf"}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in _CASES])
def test_a_hostile_url_is_refused_in_a_sentence_that_does_not_repeat_it(case: dict[str, str]) -> None:
    address = _NEEDS_THE_RESOLVER.get(case["id"])

    def resolve(_host: str, _port: int) -> list[str]:
        assert address is not None, "refused without asking the network"
        return [address]

    if address is not None:
        assert check_webhook_url(case["value"]) == case["value"]
        with pytest.raises(NotDelivered, match="may not reach"):
            WebhookChannel(resolve=resolve).send(notice(), to(case["value"]))
    else:
        with pytest.raises(Undeliverable):
            WebhookChannel(resolve=resolve).send(notice(), to(case["value"]))
    with pytest.raises(Refusal) as refusal:
        check_webhook_addresses(case["value"], (), resolve)
    (problem,) = refusal.value.problems
    assert problem.code == "webhook-url"
    assert "write" in problem.detail
    assert "pw" not in problem.detail


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org",
        "https://hooks.example.org/",
        "https://hooks.example.org:8443/a/b?c=d&e=%20f?",
        "https://hooks.example.org:1024/",
        "https://hooks.example.org:65535/",
        "https://hooks.example.org:443/@name/x;y",
        "HTTPS://Hooks.Example.ORG/Path",
        "https://xn--bcher-kva.example/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://" + ".".join(["a" * 63] * 3) + ".example/",
        "https://hooks.example.org/" + "x" * (2048 - 26),
    ],
)
def test_an_ordinary_url_is_taken_as_it_is(url: str) -> None:
    assert check_webhook_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "//hooks.example.org/",
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "gopher://hooks.example.org/",
        "https:///",
        "https:hooks.example.org",
        "https:\\\\hooks.example.org\\",
        "https://hooks.example.org\\@evil.example/",
        "https://hooks.example.org#@evil.example/",
        "https://@hooks.example.org/",
        "https://hooks.example.org:pw@evil.example/",
        "https://hooks.example.org./",
        "https://hooks..example.org/",
        "https://.example.org/",
        "https://-a.example.org/",
        "https://a-.example.org/",
        "https://ab--c.example.org/",
        "https://xn--.example.org/",
        "https://hooks_.example.org/",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:22/",
        "https://hooks.example.org:444/",
        "https://hooks.example.org:1023/",
        "https://hooks.example.org:65536/",
        "https://hooks.example.org:0443/",
        "https://hooks.example.org:/",
        "https://hooks.example.org:\u0664\u0664\u0663/",
        "https://hooks.example.org/ ",
        " https://hooks.example.org/",
        "https://hooks.example.org/\n",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/%zz",
        "https://hooks.example.org/\u00e9",
        "https://hooks.example.org/\x00",
        "https://h%6foks.example.org/",
        "https://hoo\u212as.example.org/",
        "http\u017f://hooks.example.org/",
        "https://hooks\u3002example.org/",
        "https://b\u00fccher.example/",
        "https://127.0.0.1/",
        "https://127.0.0.1.:443/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://127.0.0.01/",
        "https://1.2.3.4.5/",
        "https://256.0.0.1/",
        "https://example.1/",
        "https://[::1%25lo]/",
        "https://[fe80::1%eth0]/",
        "https://[::1/",
        "https://[127.0.0.1]/",
        "https://[v1.x]/",
        "https://localhost/",
        "https://hooks.localhost/",
        "https://intranet/",
        "https://169.254.169.254/latest/meta-data/",
        "https://" + ".".join(["a" * 63] * 4) + ".example/",
        "https://" + "a" * 64 + ".example/",
        "https://hooks.example.org/" + "x" * (2048 - 25),
    ],
)
def test_a_url_that_could_be_read_in_two_ways_or_leads_inside_is_refused(url: str) -> None:
    with pytest.raises(Refusal) as refusal:
        check_webhook_url(url)
    assert [problem.code for problem in refusal.value.problems] == ["webhook-url"]


def test_what_the_operator_allows_may_be_named_without_encryption_and_nothing_else() -> None:
    allowed = ("10.20.0.0/16", "fd00:20::/32")
    for url in ("http://10.20.3.4:8080/", "https://10.20.3.4/", "http://siem/", "http://[fd00:20::1]/"):
        assert check_webhook_url(url, allowed) == url
    for url in ("http://10.21.0.1/", "https://10.21.0.1/", "http://8.8.8.8/", "https://[fd00:21::1]/", "http://siem./"):
        with pytest.raises(Refusal):
            check_webhook_url(url, allowed)


def test_what_is_no_network_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="host bits"):
        WebhookChannel(("10.0.0.1/8",))


# [IANA IPv4 and IPv6 Special-Purpose Address Registries], and the metadata services of the clouds.
_FORBIDDEN = """
0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.0
169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.170 192.0.0.192 192.0.0.255
192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
224.0.1.1 239.255.255.255 240.0.0.0 255.255.255.255 100.100.100.200 168.63.129.16
:: ::1 ::7f00:1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::7f00:1 64:ff9b:1::808:808 100::1 100:0:0:1::1
2001::1 2001:0:808:808::f7f7:f7f7 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 2002:808:808::
3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 2606:4700::1%eth0 fec0::1 ff02::1 ff0e::1
""".split()
_PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0
172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
223.255.255.255 168.63.129.15 168.63.129.17
::ffff:8.8.8.8 64:ff9b::808:808 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111 2a00:1450::1
""".split()


@pytest.mark.parametrize("address", _FORBIDDEN)
def test_a_special_address_is_never_reached_in_whatever_form_it_comes(address: str) -> None:
    assert not is_permitted(address)
    with pytest.raises(NotDelivered, match="may not reach"):
        WebhookChannel(resolve=lambda _host, _port: [address]).send(notice(), to("https://hooks.example.org/"))


@pytest.mark.parametrize("address", _PUBLIC)
def test_a_public_address_just_beside_them_is_permitted(address: str) -> None:
    assert is_permitted(address)


def test_a_mapped_address_of_an_allowed_network_is_allowed_and_its_neighbours_are_not() -> None:
    assert is_permitted("::ffff:10.1.2.3", ["10.0.0.0/8"])
    assert is_permitted("64:ff9b::a01:203", ["10.0.0.0/8"])
    assert not is_permitted("::ffff:127.0.0.1", ["10.0.0.0/8"])


@pytest.mark.parametrize(
    "url", ["https://user:sesame@hooks.example.org/", "https://10.0.0.1/sesame", "https://a.example/sesame sesame"]
)
def test_no_refusal_repeats_what_may_be_secret_in_a_url(url: str) -> None:
    with pytest.raises(Refusal) as refusal:
        check_webhook_url(url)
    assert "sesame" not in str(refusal.value)


def test_the_authority_of_a_url_names_a_port_only_where_it_is_unusual() -> None:
    assert read_url("https://Hooks.example.org:443/x?y").authority == "hooks.example.org"
    assert read_url("https://hooks.example.org:8443").authority == "hooks.example.org:8443"
    assert read_url("http://[2606:4700::1]:8080/").authority == "[2606:4700::1]:8080"
    assert read_url("https://hooks.example.org:8443?x").path == "/?x"
