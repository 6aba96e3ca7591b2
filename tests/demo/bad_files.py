"""Files that strangers might send: images that are none, bombs, archives that climb."""

import io
import struct
import zipfile
import zlib

from PIL import Image


def image_bytes(kind="PNG", size=(24, 16)):
    """A small whole image."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (20, 120, 200)).save(buffer, kind)
    return buffer.getvalue()


def bomb_bytes(side=30_000):
    """A PNG of a few kilobytes whose header promises side x side pixels."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def zip_of(path, members):
    """A zip file of name -> content."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
