"""Small changes of files: of bytes, of JSON, of the formats around them."""

from __future__ import annotations

import gzip
import io
import json
import math
import struct
import zipfile
import zlib
from random import Random
from typing import Any

HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 7, 255, 256, 65535, 10**9, 2**31, -(2**31), 2**53, 2**63, 10**30, -(10**30)),
    *(0.5, -0.0, 1e-320, 1e308, math.nan, math.inf, -math.inf),
    *("", "x", "0", "batch", "dense_1", "relu", "Dense", "\ud83d", "\0", "é" * 300, "../x", "x" * 10_000),
    *([], {}, [[]], [0], [1, 2], [-1, 10**9], {"name": "relu"}, {"\0tensor": "x"}),
)
WORDS = (
    *(b"", b"0", b"-1", b"1e999", b"nan", b"NaN", b"inf", b"1_000", b"1,5", b"1.234,5", b"$5", b"12%", b"?", b"NA"),
    *(b'"', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\xbd"),
    *("٣".encode(), "Σ".encode(), b"9" * 400, b'""', b",'" * 500, b"2024-01-01", b"0000-00-00", b"9999-12-31"),
    *(b"2024-13-45", b"1704070800000", b"2024-01-01T25:00", b"e\xcc\x81", b"#N/A", b"=1+1", b"x" * 5000),
)
NUMBERS = (0, 1, 2, 3, 127, 128, 255, 256, 0x7FFF, 0xFFFF, 0x10000, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def mutated_bytes(data: bytes, random: Random) -> bytes:
    """Bits turned, bytes set, put in, left out, doubled, or the end cut off."""
    content = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        at = random.randrange(len(content) + 1)
        match random.randrange(8):
            case 0 if at < len(content):
                content[at] ^= 1 << random.randrange(8)
            case 1 if at < len(content):
                content[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
            case 2:
                del content[at : at + random.choice((1, 2, 4, 100))]
            case 3:
                content[at:at] = random.randbytes(random.choice((1, 4, 40)))
            case 4:
                content[at:at] = content[at : at + random.choice((1, 8, 64, 500))]
            case 5:
                width = random.choice((1, 2, 4))
                number = random.choice(NUMBERS) % (1 << 8 * width)
                content[at : at + width] = number.to_bytes(width, random.choice(("big", "little")))
            case 6:
                del content[random.choice((at, at, len(content) // 2)) :]
            case _:
                content[at : at + random.choice((0, 0, 1, 4))] = random.choice(WORDS)
    return bytes(content)


def mutated_onnx(data: bytes, random: Random) -> bytes:
    """Fields of an ONNX model changed: nodes, names, attributes, shapes, data, versions."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    graph = model.graph
    for _ in range(random.choice((1, 1, 2, 4))):
        node = random.choice(graph.node)
        names = [*(i.name for i in graph.initializer), *(n for each in graph.node for n in (*each.input, *each.output))]
        tensor = random.choice(graph.initializer)
        match random.randrange(12):
            case 0 if node.input:
                node.input[random.randrange(len(node.input))] = random.choice((*names, "", "x\n"))
            case 1 if node.output:
                node.output[random.randrange(len(node.output))] = random.choice((*names, ""))
            case 2:
                node.op_type = random.choice((*(n.op_type for n in graph.node), "Loop", "\0", "Resize", "Tile"))
            case 3 if node.attribute:
                given = random.choice(node.attribute)
                given.i = random.choice((0, 1, -1, 7, 2**31, 2**62, -(2**63)))
                given.ints[:] = random.choice(([], [0], [1, 1], [2**40], [-1, 3], list(given.ints) * 2))
                given.f = random.choice((0.0, -1.0, 1e30, math.inf, math.nan))
            case 4 if node.attribute:
                given = random.choice(node.attribute)
                given.name, given.type = random.choice(("axis", "to", "pads", given.name)), random.randrange(12)
            case 5:
                tensor.dims[:] = random.choice(([], [0], [-1], [2**40], [2**31, 2**31], list(tensor.dims)[::-1]))
            case 6:
                tensor.raw_data = random.choice((b"", tensor.raw_data[:-1], random.randbytes(len(tensor.raw_data))))
            case 7:
                tensor.data_type = random.randrange(24)
            case 8:
                tensor.data_location = 1
                entry = tensor.external_data.add()
                entry.key, entry.value = "location", random.choice(("../x", "/etc/passwd", "", "file.onnx", "\0"))
            case 9:
                model.opset_import[0].version = random.choice((0, 1, 7, 11, 13, 18, 99, 2**62, -1))
            case 10:
                dims = graph.input[0].type.tensor_type.shape.dim
                random.choice(dims).dim_value = random.choice((0, 1, -1, 3, 2**20, 2**62))
            case _:
                graph.node.insert(random.randrange(len(graph.node) + 1), node)
    return bytes(model.SerializeToString())


def mutated_lines(data: bytes, random: Random) -> bytes:
    """Cells and lines of a text changed, doubled, moved."""
    lines = data.split(b"\n")
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(lines))
        cells = lines[at].split(b",")
        match random.randrange(6):
            case 0 | 1 | 2:
                cells[random.randrange(len(cells))] = random.choice(WORDS)
                lines[at] = b",".join(cells)
            case 3:
                lines[at] = b",".join([*cells, *cells][: random.randrange(2 * len(cells) + 1)])
            case 4:
                lines.insert(random.randrange(len(lines)), lines[at])
            case _:
                del lines[at]
                lines = lines or [b""]
    return b"\n".join(lines)


def mutated_json(document: Any, random: Random) -> Any:
    """Some values of a document replaced, left out, doubled, moved, or nested deep."""
    document = json.loads(json.dumps(document))
    for _ in range(random.choice((1, 1, 1, 1, 2, 3))):
        places = list(_places(document, ()))
        if not places:
            return random.choice(HOSTILE)
        holder, key = random.choice(places)
        match random.randrange(10):
            case 0:
                del holder[key]
            case 1:
                other, its = random.choice(places)
                holder[key] = json.loads(json.dumps(other[its]))
            case 2:
                for _ in range(random.choice((1, 30, 300))):
                    holder[key] = [holder[key]] if random.random() < 0.5 else {"x": holder[key]}
            case 3 if isinstance(holder, list):
                holder[key:key] = [holder[key]] * random.choice((1, 2, 1000))
            case 4 if isinstance(holder, dict):
                holder[random.choice(("x", "", "\ud83d", "\0tensor", key + "~2"))] = holder.pop(key)
            case 5 | 6 if isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
                value = holder[key]
                holder[key] = random.choice((-value, value + 1, value - 1, value * 1000, value + 0.5, str(value)))
            case 7 if isinstance(holder[key], str) and holder[key]:
                text = holder[key]
                holder[key] = random.choice((text[:-1], text + "x", text.upper(), text * 50, text[::-1]))
            case _:
                holder[key] = json.loads(json.dumps(random.choice(HOSTILE)))
    return document


def _places(value: Any, _: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner, ())


def mutated_safetensors(data: bytes, random: Random) -> bytes:
    """The header, the document inside it, or bytes of the tensors changed."""
    size = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8 : 8 + size]), data[8 + size :]
    kind = random.randrange(8)
    if kind == 0:
        return mutated_bytes(data, random)
    if kind == 1:
        header = mutated_json(header, random)
    elif kind == 2:
        rest = bytes(mutated_bytes(rest, random)[: len(rest)].ljust(len(rest), b"\0"))
    else:
        content = mutated_json(json.loads(header["__metadata__"]["content"]), random)
        header["__metadata__"]["content"] = json.dumps(content)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


def mutated_keras(data: bytes, random: Random) -> bytes:
    """The description of a Keras model, bytes of its weights, or bytes of the archive changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    kind = random.randrange(8)
    if kind == 0:
        return mutated_bytes(data, random)
    name = "model.weights.h5" if kind < 3 else "config.json"
    if name == "config.json":
        members[name] = json.dumps(mutated_json(json.loads(members[name]), random)).encode()
    else:
        members[name] = mutated_bytes(members[name], random)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member), content)
    return stream.getvalue()


def mutated_idx(data: bytes, random: Random) -> bytes:
    """The type, the rank or an extent changed; in a gzip file, of what is in it."""
    if data[:2] == b"\x1f\x8b":
        inner = mutated_idx(gzip.decompress(data), random)
        return mutated_bytes(data, random) if random.random() < 0.3 else gzip.compress(inner, 1)
    if random.random() < 0.5:
        return mutated_bytes(data, random)
    content = bytearray(data)
    at = random.randrange(2, 16)
    if at < 4:
        content[at] = random.choice((0, 1, 3, 8, 9, 0x0B, 0x0D, 0x0E, 255))
    else:
        content[at // 4 * 4 : at // 4 * 4 + 4] = random.choice(NUMBERS).to_bytes(4, "big")
    return bytes(content)


def mutated_png(data: bytes, random: Random) -> bytes:
    """A chunk changed with a checksum that is right again, so that the decoder gets to see it."""
    if random.random() < 0.4 or data[:4] != b"\x89PNG":
        return mutated_bytes(data, random)
    chunks, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    place = random.randrange(len(chunks))
    kind, content = chunks[place]
    match random.randrange(4):
        case 0:
            chunks.insert(random.randrange(len(chunks)), chunks[place])
        case 1:
            del chunks[place]
        case 2 if kind == b"IHDR":
            chunks[place] = kind, struct.pack(">II", *random.choices(NUMBERS, k=2)) + content[8:]
        case _:
            chunks[place] = random.choice((kind, kind, b"tRNS", b"PLTE", b"eXIf")), mutated_bytes(content, random)
    parts = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks]
    return data[:8] + b"".join(parts)
