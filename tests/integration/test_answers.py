"""What a client gets from a real server: right answers however a picture is sent, and clear refusals."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import safetensors.torch
import torch
import torchvision
from PIL import Image
from torchvision import transforms

from kit.build import PROJECT
from kit.smoke.refusals import bomb
from tests.integration.conftest import Server

MODEL = PROJECT / "models" / "resnet18-grocery43"
PICTURES = sorted((MODEL / "validation").glob("*/*.jpg"))
Answer = dict[str, float]


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with server.inference() as opened:
        yield opened


@pytest.fixture
def aubergine() -> Image.Image:
    with Image.open(MODEL / "validation" / "Aubergine" / "Aubergine_001.jpg") as picture:
        return picture.convert("RGB")


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def ask(http: httpx.Client, content: bytes, **headers: str) -> httpx.Response:
    return http.put("/predictions/resnet18", content=content, headers=headers)


def eager_best() -> list[str]:
    """The best label for each picture by plain torchvision, in one thread's order."""
    weights = safetensors.torch.load_file(MODEL / "resnet18-grocery43.safetensors")
    model = torchvision.models.resnet18(num_classes=43)
    model.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    )
    model.eval()
    names = json.loads((MODEL / "index_to_name.json").read_text())
    steps = transforms.Compose(
        [
            transforms.Resize(224),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    with torch.inference_mode():
        return [names[str(int(model(steps(Image.open(path).convert("RGB"))[None]).argmax()))] for path in PICTURES]


def test_answers_equal_an_eager_pipeline_on_the_validation_pictures(http: httpx.Client) -> None:
    assert len(PICTURES) == 215
    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda path: ask(http, path.read_bytes()), PICTURES))
    assert {response.status_code for response in responses} == {200}
    served = [next(iter(response.json())) for response in responses]
    same = sum(ours == theirs for ours, theirs in zip(served, eager_best(), strict=True))
    assert same >= 0.99 * len(PICTURES)
    right = sum(label == path.parent.name for label, path in zip(served, PICTURES, strict=True))
    assert right == pytest.approx(142, abs=2)  # 66.0 % on the model's card


def test_the_time_of_its_stages_comes_with_an_answer(http: httpx.Client) -> None:
    timing = ask(http, PICTURES[0].read_bytes()).headers["Server-Timing"]
    stages = dict(re.findall(r"(\w+);dur=([\d.]+)", timing))
    assert list(stages) == ["decode", "network"]
    assert all(0 < float(milliseconds) < 60_000 for milliseconds in stages.values())
    assert "network" not in ask(http, b"no picture").headers["Server-Timing"]


FORMS: dict[str, Callable[[httpx.Client, bytes], httpx.Response]] = {
    "raw": lambda http, picture: http.put("/predictions/resnet18", content=picture),
    "raw with its type": lambda http, picture: http.post(
        "/predictions/resnet18", content=picture, headers={"Content-Type": "image/jpeg"}
    ),
    "multipart": lambda http, picture: http.post("/predictions/resnet18", files={"photo": ("a.jpg", picture)}),
    "json": lambda http, picture: http.post("/predictions/resnet18", json={"data": base64.b64encode(picture).decode()}),
    "json with a charset": lambda http, picture: http.post(
        "/predictions/resnet18",
        content=b'{"body": "%s"}' % base64.b64encode(picture),
        headers={"Content-Type": "application/json; charset=utf-8"},
    ),
    "KServe's json": lambda http, picture: http.post(
        "/predictions/resnet18", json={"instances": [{"data": base64.b64encode(picture).decode()}]}
    ),
    "a form's base64": lambda http, picture: http.post(
        "/predictions/resnet18",
        content=b"data=" + base64.b64encode(picture),  # its plus signs are not escaped
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "multipart without a file's name": lambda http, picture: http.post(
        "/predictions/resnet18", files={"photo": (None, picture)}
    ),
    "base64 and no type": lambda http, picture: http.put("/predictions/resnet18", content=base64.b64encode(picture)),
    "gzip": lambda http, picture: http.put(
        "/predictions/resnet18", content=gzip.compress(picture), headers={"Content-Encoding": "gzip"}
    ),
    "the versioned address": lambda http, picture: http.put("/predictions/resnet18/1.0", content=picture),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_way_to_send_a_picture_gets_the_same_answer(http: httpx.Client, form: str, server: Server) -> None:
    golden = server.golden[0]
    response = FORMS[form](http, golden.picture.read_bytes())
    assert response.status_code == 200, response.text
    assert golden.mismatch(response.json()) == ""
    values = list(response.json().values())
    assert len(values) == 5
    assert values == sorted(values, reverse=True)


def test_two_parts_of_one_name_are_refused(http: httpx.Client) -> None:
    """TorchServe passes on the last of them alone."""
    parts = [("photo", ("a.jpg", path.read_bytes())) for path in PICTURES[:2]]
    response = http.post("/predictions/resnet18", files=parts)
    assert (response.status_code, "several parts of one name" in response.text) == (400, True)


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "RGB", {}),
        ("JPEG", "L", {}),
        ("JPEG", "CMYK", {}),
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "LA", {}),
        ("PNG", "P", {}),
        ("PNG", "1", {}),
        ("PNG", "I;16", {}),
        ("WEBP", "RGB", {"quality": 90}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("BMP", "RGB", {}),
        ("TIFF", "RGB", {}),
        ("TIFF", "CMYK", {}),
        ("TIFF", "I;16", {}),
        ("GIF", "P", {}),
    ],
)
def test_every_image_mode_is_answered_as_the_reference_answers_it(
    http: httpx.Client, aubergine: Image.Image, kind: str, mode: str, options: dict[str, object]
) -> None:
    if mode == "I;16":
        wide = aubergine.convert("L").point(lambda value: value * 257, "I").convert("I;16")
        picture, seen = wide, aubergine.convert("L").convert("RGB")
    else:
        picture = aubergine.convert(mode)
        seen = picture.convert("RGB")
    response = ask(http, encoded(picture, kind, **options))
    reference = ask(http, encoded(seen, "PNG"))
    assert response.status_code == reference.status_code == 200, response.text
    best = next(iter(reference.json()))
    assert response.json()[best] == pytest.approx(reference.json()[best], abs=0.1)


def test_exif_rotation_is_obeyed(http: httpx.Client, aubergine: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(aubergine.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    upright = ask(http, encoded(aubergine, "PNG")).json()
    answer = ask(http, turned).json()
    assert next(iter(answer)) == next(iter(upright))
    assert list(answer.values()) == pytest.approx(list(upright.values()), abs=0.02)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "empty"),
        (b"hello, I am no picture", 415, "not a picture"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", 415, "HEIC"),
        (b"%PDF-1.7", 415, "PDF"),
        (PICTURES[0].read_bytes()[:5000], 422, "cut off"),
        (bomb(), 413, "too large to decode"),
    ],
    ids=["empty", "text", "heic", "pdf", "truncated", "bomb"],
)
def test_a_bad_picture_gets_a_4xx_and_a_sentence(http: httpx.Client, content: bytes, status: int, words: str) -> None:
    response = ask(http, content)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert words in response.json()["message"]
    assert response.json()["code"] == status


def test_topk(http: httpx.Client) -> None:
    picture = PICTURES[0].read_bytes()
    assert len(ask(http, picture, topk="3").json()) == 3
    assert len(http.put("/models/resnet18/invoke?topk=2", content=picture).json()) == 2
    assert len(http.post("/predictions/resnet18", files={"f": picture}, data={"topk": "7"}).json()) == 7
    assert len(ask(http, picture, topk="1000").json()) == 43
    refused = ask(http, picture, topk="none")
    assert refused.status_code == 400
    assert "topk must be a whole number" in refused.json()["message"]


def test_a_wrong_token_is_refused(server: Server) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.put(f"{server.state.inference}/predictions/resnet18", content=b"x", headers=headers)
        assert answer.status_code == 400
        assert "Token Authorization failed" in answer.text


def test_a_url_outside_the_model_store_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "evil.mar").write_bytes(b"")
    with server.management() as http:
        for url in (
            f"file://{tmp_path}/evil.mar",
            f"file://{server.run.model_store}/../evil.mar",
            "http://127.0.0.1/e.mar",
        ):
            answer = http.post("/models", params={"url": url})
            assert 400 <= answer.status_code < 500, url
            assert "evil" not in str(http.get("/models").json())


def test_no_input_kills_a_worker(server: Server) -> None:
    """Odd names, types and headers that reach the worker's own protocol code; the pids stay what they were."""

    def pids() -> list[int]:
        with server.management() as http:
            return sorted(worker["pid"] for worker in http.get("/models/resnet18").json()[0]["workers"])

    before = pids()
    picture = PICTURES[0].read_bytes()
    with server.inference() as http:
        odd = [
            http.put("/predictions/resnet18", content=picture, headers={b"X-Odd": b"caf\xe9\xff"}),
            http.post("/predictions/resnet18", files={"\u00e4\U0001f34c": ("\U0001f34c.jpg", picture, "\u00fc")}),
            http.post("/predictions/resnet18", content=b"[" * 100_000, headers={"Content-Type": "application/json"}),
            http.post("/predictions/resnet18", content=b"\xff\xfe", headers={"Content-Type": "text/plain"}),
            http.post("/predictions/resnet18", json={"data": 5}),
            http.post("/predictions/resnet18", json=["a"]),
            http.post("/predictions/resnet18", data={"topk": "3"}),
        ]
    assert [response.status_code for response in odd if response.status_code >= 500] == []
    assert pids() == before
