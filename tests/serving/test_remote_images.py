"""Images by address: from allowed hosts and public addresses alone, whatever the name says the second time."""

import asyncio
import io
import ipaddress
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from PIL import Image

from vlrouterbench.serving.chat import RequestError
from vlrouterbench.serving.remote_images import RemoteImages, is_public


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
