"""A small Hub on 127.0.0.1, with the standard library alone: what huggingface_hub's client needs of the real one.

    with FakeHub() as hub:
        hub.add("dataset", "owner/name", {"README.md": b"..."})
        ...                                           # a process with HF_ENDPOINT=hub.endpoint and HF_TOKEN=TOKEN
        hub.files("model", "owner/router")            # {path: bytes} of main

Clients are processes of their own (fixture `client`): huggingface_hub reads its variables at import. Answered, for
models, datasets and Spaces: repos/create, validate-yaml, preupload, LFS batch and upload, commit (ndjson), repository
info, tree, paths-info, and resolve (HEAD and GET, with Range). Writing needs TOKEN and an owner among `owners`; a
private repository needs TOKEN to be seen; a pull request needs TOKEN alone, and `merge` takes it in. Everything lives
in memory.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_fake_token"
LFS_SUFFIXES = (".parquet", ".safetensors", ".gz", ".bin")
_REPO = r"(?P<repo>[^/]+/[^/]+?)"
_API = rf"/api/(?P<kind>model|dataset|space)s/{_REPO}"
_FILE = rf"/(?:(?P<prefix>datasets|spaces)/)?{_REPO}"


@dataclass
class Repository:
    """One repository: its commits, oldest first, and whether it is private."""

    private: bool = False
    commits: list = field(default_factory=list)
    pull_requests: list = field(default_factory=list)

    def commit(self, files):
        """Add a commit with exactly these files and return its id."""
        content = [(path, hashlib.sha256(data).hexdigest()) for path, data in sorted(files.items())]
        self.commits.append((hashlib.sha1(repr((len(self.commits), content)).encode()).hexdigest(), dict(files)))
        return self.commits[-1][0]

    def at(self, revision):
        """(id, files) of a revision, None where there is none."""
        found = [commit for commit in self.commits if commit[0] == revision]
        return self.commits[-1] if revision in ("main", "refs/heads/main") else (found or [None])[0]


class FakeHub:
    """The server, as a context manager; `refuse_writes_with` makes every write fail with that HTTP status."""

    def __init__(self, owners=("owner",)):
        self.owners = set(owners)
        self.repositories = {}
        self.objects = {}
        self.requests = []
        self.refuse_writes_with = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def add(self, kind, repo_id, files, *, private=False):
        """Make a repository with these files."""
        repository = self.repositories[kind, repo_id] = Repository(private)
        repository.commit(files)

    def files(self, kind, repo_id):
        """{path: bytes} of main."""
        return dict(self.repositories[kind, repo_id].commits[-1][1])

    def merge(self, kind, repo_id, number):
        """Add what a pull request brings to main."""
        repository = self.repositories[kind, repo_id]
        repository.commit(repository.commits[-1][1] | repository.pull_requests[number - 1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, hub, *arguments):
        self.hub = hub
        super().__init__(*arguments)

    def log_message(self, *_):
        pass

    def _answer(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        self.query, path = parse_qs(address.query), unquote(address.path)
        self.hub.requests.append((self.command, path))
        for methods, pattern, handle in _ROUTES:
            if self.command in methods and (match := re.fullmatch(pattern, path)):
                return handle(self, **match.groupdict())
        return self._error(404, "NotFound", f"no route for {self.command} {path}")

    do_GET = do_HEAD = do_POST = do_PUT = _answer

    def _send(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in ({"Content-Length": len(body)} | headers).items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, content, status=200, **headers):
        self._send(status, json.dumps(content).encode(), Content_Type="application/json", **headers)

    def _error(self, status, code, message):
        self._json({"error": message}, status, X_Error_Code=code, X_Error_Message=message)

    # What stands between a request and its answer: each sends an error and gives nothing where it may not go on.

    @property
    def _known(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _may_write(self, owner):
        allowed = owner in self.hub.owners or "create_pr" in self.query
        status = self.hub.refuse_writes_with or (401 if not self._known else 0 if allowed else 403)
        if status:
            self._error(status, "RepoNotFound" if status == 404 else "Refused", f"refused with {status}")
        return not status

    def _commit(self, kind, repo, revision):
        repository = self.hub.repositories.get((kind, repo))
        if repository is None or (repository.private and not self._known):
            return self._error(404, "RepoNotFound", f"Repository {repo} not found")
        return repository.at(revision) or self._error(404, "RevisionNotFound", f"Revision {revision} not found")

    # Writing.

    def create(self):
        asked = json.loads(self.body)
        owner = asked.get("organization") or "owner"
        kind, repo = asked.get("type", "model"), f"{owner}/{asked['name']}"
        if kind == "space" and not asked.get("sdk"):
            self._error(400, "BadRequest", "a Space needs an sdk")
            return
        if not self._may_write(owner):
            return
        exists = (kind, repo) in self.hub.repositories
        if not exists:
            self.hub.add(kind, repo, {".gitattributes": b""}, private=asked.get("visibility") == "private")
        prefix = "" if kind == "model" else f"{kind}s/"
        self._json({"url": f"{self.hub.endpoint}/{prefix}{repo}"}, 409 if exists else 200)

    def preupload(self, kind, repo, revision):
        if self._may_write(repo.split("/")[0]) and self._commit(kind, repo, revision):
            paths = [file["path"] for file in json.loads(self.body)["files"]]
            modes = {path: "lfs" if path.endswith(LFS_SUFFIXES) else "regular" for path in paths}
            self._json({"files": [{"path": p, "uploadMode": modes[p], "shouldIgnore": False} for p in paths]})

    def lfs_batch(self, prefix, repo):
        # Of a pull request, too, which this does not say: an object that no commit names is in no repository.
        if self._may_write(next(iter(self.hub.owners))):
            objects = json.loads(self.body)["objects"]
            for entry in objects:
                if entry["oid"] not in self.hub.objects:
                    entry["actions"] = {"upload": {"href": f"{self.hub.endpoint}/objects/{entry['oid']}"}}
            self._json({"transfer": "basic", "objects": objects})

    def lfs_upload(self, oid):
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self._error(400, "BadRequest", "the content does not have the announced digest")
        self.hub.objects[oid] = self.body
        self._send(200)

    def commit(self, kind, repo, revision):
        if not self._may_write(repo.split("/")[0]) or not (found := self._commit(kind, repo, revision)):
            return
        files = dict(found[1])
        for line in self.body.splitlines():
            entry = json.loads(line)
            key, value = entry["key"], entry["value"]
            if key == "deletedFile":
                del files[value["path"]]
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        repository, address = self.hub.repositories[kind, repo], f"{self.hub.endpoint}/{kind}s/{repo}"
        if "create_pr" not in self.query:
            sha = repository.commit(files)
            commit = f"{self.hub.endpoint}/{repo}/commit/{sha}"
            return self._json({"success": True, "commitOid": sha, "commitUrl": commit})
        repository.pull_requests.append({path: data for path, data in files.items() if found[1].get(path) != data})
        number = len(repository.pull_requests)
        opened = {"pullRequestUrl": f"{address}/discussions/{number}", "commitUrl": f"{address}/commit/{found[0]}"}
        self._json({"success": True, "commitOid": found[0]} | opened)

    # Reading.

    def info(self, kind, repo, revision=None):
        if found := self._commit(kind, repo, revision or "main"):
            names = [{"rfilename": path} for path in sorted(found[1])]
            private = self.hub.repositories[kind, repo].private
            self._json({"id": repo, "sha": found[0], "private": private, "tags": [], "siblings": names})

    def tree(self, kind, repo, revision, folder=None):
        if found := self._commit(kind, repo, revision):
            start, entries = f"{folder}/" if folder else "", {}
            deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
            for path in (path for path in sorted(found[1]) if path.startswith(start)):
                parts = path.removeprefix(start).split("/")
                for depth in range(1, len(parts) + 1 if deep else 2):
                    name = start + "/".join(parts[:depth])
                    entries[name] = _entry(name, found[1].get(name))
            if folder and not entries:
                return self._error(404, "EntryNotFound", f"{folder} does not exist")
            self._json(list(entries.values()))

    def paths_info(self, kind, repo, revision):
        if found := self._commit(kind, repo, revision):
            asked = parse_qs(self.body.decode()).get("paths", [])
            folders = {"/".join(path.split("/")[:n]) for path in found[1] for n in range(1, path.count("/") + 1)}
            self._json([_entry(path, found[1].get(path)) for path in asked if path in found[1] or path in folders])

    def resolve(self, prefix, repo, revision, path):
        if not (found := self._commit(prefix.removesuffix("s") if prefix else "model", repo, revision)):
            return
        if path not in found[1]:
            return self._error(404, "EntryNotFound", f"{path} does not exist")
        data, etag = found[1][path], _entry(path, found[1][path])["oid"]
        headers = {"ETag": f'"{etag}"', "X_Repo_Commit": found[0], "Accept_Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not wanted:
            return self._send(200, data, **headers)
        start, end = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if start > end:
            return self._send(416, Content_Range=f"bytes */{len(data)}")
        self._send(206, data[start : end + 1], Content_Range=f"bytes {start}-{end}/{len(data)}", **headers)


def _entry(path, data):
    """What tree and paths-info say of a file or, where there are no data, a folder."""
    if data is None:
        return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}
    digest = hashlib.sha256(data).hexdigest()
    lfs = {"lfs": {"oid": digest, "size": len(data), "pointerSize": 130}} if path.endswith(LFS_SUFFIXES) else {}
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return {"type": "file", "path": path, "oid": digest if lfs else blob, "size": len(data)} | lfs


_ROUTES = (
    (("POST",), r"/api/repos/create", _Handler.create),
    (("POST",), r"/api/validate-yaml", lambda handler: handler._json({"errors": [], "warnings": []})),
    (("POST",), rf"{_API}/preupload/(?P<revision>.+)", _Handler.preupload),
    (("POST",), rf"{_FILE}\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    (("PUT",), r"/objects/(?P<oid>[0-9a-f]{64})", _Handler.lfs_upload),
    (("POST",), rf"{_API}/commit/(?P<revision>.+)", _Handler.commit),
    (("GET",), _API, _Handler.info),
    (("GET",), rf"{_API}/revision/(?P<revision>.+)", _Handler.info),
    (("GET",), rf"{_API}/tree/(?P<revision>[^/]+)(?:/(?P<folder>.+))?", _Handler.tree),
    (("POST",), rf"{_API}/paths-info/(?P<revision>.+)", _Handler.paths_info),
    (("GET", "HEAD"), rf"{_FILE}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", _Handler.resolve),
)
