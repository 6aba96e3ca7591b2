"""Images by address: from allowed hosts and public addresses alone, whatever the name says the second time."""

import asyncio
import io
import ipaddress
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from PIL import Image

from vlrouterbench.serving.remote_images import RemoteImages, is_public
from vlrouterbench.serving.request_error import RequestError


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1"]
    + ["::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"],
)
def test_an_address_that_is_not_public_is_none(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::6810:84e5"])
def test_a_public_address_is_one(address):
    assert is_public(ipaddress.ip_address(address))


@contextmanager
def web(answer):
    """A server of one answer: (status, headers, body); gives its port and how often it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_address[1], asked
    server.shutdown()
    server.server_close()


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


def fetched(url, **how):
    return asyncio.run(RemoteImages(["localhost", "127.0.0.1"], **how).fetch(url))


def test_an_allowed_host_whose_address_is_private_is_not_asked():
    with web((200, {}, picture())) as (port, asked):
        for host in ("localhost", "127.0.0.1"):
            with pytest.raises(RequestError):
                fetched(f"http://{host}:{port}/a.png")
    assert asked == []


@pytest.fixture
def names(monkeypatch):
    """Lookups of names answer with one list of addresses after the other; gives how often they were asked."""
    answers, asked, real = [], [], socket.getaddrinfo

    def lookup(host, port, *more, **options):
        if host != "changes.example.org":
            return real(host, port, *more, **options)
        asked.append(host)
        return [found for address in answers[len(asked) - 1] for found in real(address, port, *more, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return answers, asked


def only_the_first(address):
    """What stands for public here: one address of this machine, the others for private ones."""
    return str(address) == "127.0.0.1"


def fetched_by_name(port):
    images = RemoteImages(["changes.example.org"], may_ask=only_the_first)
    return asyncio.run(images.fetch(f"http://changes.example.org:{port}/a.png"))


def test_a_name_is_looked_up_once_for_a_fetch_so_that_a_second_answer_changes_nothing(names):
    answers, looked_up = names
    answers += [["127.0.0.1"], ["127.0.0.2"]]
    with web((200, {}, picture())) as (port, asked):
        assert fetched_by_name(port).startswith("data:image/png")
        assert looked_up == ["changes.example.org"] and len(asked) == 1
        with pytest.raises(RequestError):
            fetched_by_name(port)  # the name has become a private one since: no cached answer is trusted
    assert len(looked_up) == 2 and len(asked) == 1


@pytest.mark.parametrize("found", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]])
def test_a_name_of_a_public_and_a_private_address_is_not_asked(found, names):
    names[0].append(found)
    with web((200, {}, picture())) as (port, asked), pytest.raises(RequestError):
        fetched_by_name(port)
    assert asked == []


def test_an_image_takes_the_place_of_its_address():
    with web((200, {}, picture())) as (port, _):
        url = f"http://localhost:{port}/a.png"
        assert fetched(url, may_ask=lambda _: True).startswith("data:image/png;base64,")
        part = {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
        images = RemoteImages(["localhost"], may_ask=lambda _: True)
        (turn,) = asyncio.run(images.brought([{"role": "user", "content": [part]}]))
    assert turn["content"][0]["image_url"]["url"].startswith("data:image/png") and part["image_url"]["url"] == url
    assert turn["content"][0]["image_url"]["detail"] == "low"


@pytest.mark.parametrize(
    "answer",
    [
        (302, {"location": "http://127.0.0.1:1/"}, b""),
        (200, {}, b"<html>"),
        (404, {}, b""),
        (200, {}, b"\0" * (21 * 2**20)),
    ],
    ids=["redirect", "no image", "404", "too large"],
)
def test_what_is_no_image_is_refused_in_one_line(answer):
    with web(answer) as (port, asked), pytest.raises(RequestError) as error:
        fetched(f"http://localhost:{port}/a.png", may_ask=lambda _: True)
    assert error.value.status == 400 and "\n" not in error.value.message and len(asked) == 1


@pytest.mark.parametrize(
    "url", ["http://a:b@localhost/x", "ftp://localhost/x", "http://other/x", "http://[", "javascript:1"]
)
def test_other_addresses_are_refused_before_anybody_is_asked(url):
    with pytest.raises(RequestError) as error:
        fetched(url, may_ask=lambda _: True)
    assert error.value.status in (400, 403)
