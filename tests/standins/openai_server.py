"""A scripted OpenAI-compatible server in a thread: what it answers, and which faults it has, a test says.

Used by the tests of measuring; a gateway's upstream is the same thing.
"""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Scripted:
    """One answer of the server.

    `status` and `headers` as sent; `cut` sends this many bytes of the body and closes the connection; `delay` waits
    before the first byte; `raw` is a body in the place of a chat completion; `chunks` are sent one by one as a
    stream of events, `gap` seconds apart, of which `cut` then is the number that is sent before the connection breaks.
    """

    text: str = "A"
    status: int = 200
    headers: dict = field(default_factory=dict)
    usage: dict | None = field(default_factory=lambda: {"prompt_tokens": 10, "completion_tokens": 2})
    finish_reason: str = "stop"
    refusal: str | None = None
    delay: float = 0.0
    cut: int | None = None
    raw: bytes | None = None
    content_type: str = "application/json"
    chunks: tuple = ()
    gap: float = 0.0

    def body(self):
        if self.raw is not None:
            return self.raw
        if self.status != 200:
            return json.dumps({"error": {"message": self.text}}).encode()
        message = {"role": "assistant", "content": self.text}
        if self.refusal is not None:
            message |= {"content": None, "refusal": self.refusal}
        content = {"choices": [{"index": 0, "message": message, "finish_reason": self.finish_reason}]}
        return json.dumps(content | ({} if self.usage is None else {"usage": self.usage})).encode()


@dataclass(frozen=True)
class Asked:
    """A request that came: its JSON, its headers in small letters, and when it came."""

    body: dict
    headers: dict
    at: float

    @property
    def text(self):
        """The prompt."""
        content = self.body["messages"][-1]["content"]
        return content if isinstance(content, str) else content[-1]["text"]

    @property
    def image_urls(self):
        content = self.body["messages"][-1]["content"]
        parts = [] if isinstance(content, str) else content
        return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    """Connections that may wait to be taken; the library's 5 refuse some of many that come at once."""


class OpenAIStandIn:
    """To be used as a context; `script` gives the answer to a request, by the request and its number from 0.

    Attributes:
        asked: what came, in the order of arrival.
        most_at_once: most requests that were under way at one time.
    """

    def __init__(self, script=None):
        self.script = script or (lambda asked, number: Scripted())
        self.asked, self.most_at_once, self._open = [], 0, 0
        self._lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                stand_in.answer(self)

            def log_message(self, *_):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        asked = Asked(body, {name.lower(): value for name, value in handler.headers.items()}, time.monotonic())
        with self._lock:
            number = len(self.asked)
            self.asked.append(asked)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            self._send(handler, self.script(asked, number))
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True
        finally:
            with self._lock:
                self._open -= 1

    def _send(self, handler, scripted):
        time.sleep(scripted.delay)
        if scripted.chunks:
            self._send_stream(handler, scripted)
            return
        body = scripted.body()
        handler.send_response(scripted.status)
        headers = {"content-type": scripted.content_type, "content-length": str(len(body))} | scripted.headers
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body if scripted.cut is None else body[: scripted.cut])
        if scripted.cut is not None:
            handler.wfile.flush()
            handler.close_connection = True

    def _send_stream(self, handler, scripted):
        handler.send_response(scripted.status)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for chunk in scripted.chunks[: scripted.cut]:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            handler.wfile.flush()
            time.sleep(scripted.gap)
        if scripted.cut is None:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True


def endpoint_entry(name, base_url, **fields):
    """An entry of an endpoints file."""
    entry = {"name": name, "base_url": base_url, "model": f"org/{name}", "input_price": 1, "output_price": 2}
    return entry | fields


def write_endpoints(path, *entries):
    """Write an endpoints file (JSON is YAML); gives the path."""
    path.write_text(json.dumps({"candidates": list(entries)}, indent=1), encoding="utf-8")
    return path
