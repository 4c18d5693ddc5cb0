"""KServe's v1 and the Open Inference Protocol, as their own clients speak them."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc  # type: ignore[import-untyped]
import tritonclient.http as triton_http  # type: ignore[import-untyped]
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped]

from tests.gateway.conftest import Front
from tests.gateway.fake_torchserve import MODEL, label

PICTURES = [b"slow picture", b"bad picture", b"\xff\xd8\x00 third", b"fourth", b"slow fifth", b"sixth"]
V1 = f"/v1/models/{MODEL}:predict"
V2 = f"/v2/models/{MODEL}/infer"
KINDS = ["http", "grpc"]


def b64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def tensor(kind: Any, pictures: list[bytes]) -> Any:
    made = kind.InferInput("picture", [len(pictures)], "BYTES")
    made.set_data_from_numpy(np.array(pictures, dtype=np.object_))
    return made


def triton(front: Front, kind: str) -> tuple[Any, Any, dict[str, str]]:
    """The client's module, the client, and the headers with its key."""
    module = triton_http if kind == "http" else triton_grpc
    client = module.InferenceServerClient(f"127.0.0.1:{front.port}")
    return module, client, {"authorization": f"Bearer {front.key}"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_official_client_gets_each_picture_s_answer_in_its_order(front: Front, kind: str) -> None:
    module, client, headers = triton(front, kind)
    answer = client.infer(MODEL, [tensor(module, PICTURES)], headers=headers, request_id="r-7")
    labels, probabilities, errors = (answer.as_numpy(name) for name in ("label", "probability", "error"))
    assert labels.shape == probabilities.shape == (6, 2)
    for index, picture in enumerate(PICTURES):
        bad = picture.startswith(b"bad")
        assert labels[index][0].decode() == ("" if bad else label(picture))
        assert probabilities[index][0] == pytest.approx(0 if bad else 0.75)
        assert errors[index].decode() == ("This is not a picture." if bad else "")
    response = answer.get_response()
    assert (response["id"] if kind == "http" else response.id) == "r-7"


@pytest.mark.parametrize("kind", KINDS)
def test_the_official_client_may_ask_for_topk_and_for_one_output(front: Front, kind: str) -> None:
    module, client, headers = triton(front, kind)
    outputs = [module.InferRequestedOutput("probability")]
    asked = [tensor(module, [b"one"])]
    answer = client.infer(MODEL, asked, headers=headers, outputs=outputs, parameters={"topk": 4})
    assert answer.as_numpy("probability").shape == (1, 4)
    assert answer.as_numpy("label") is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_official_client_learns_what_is_there(front: Front, kind: str) -> None:
    client, headers = triton(front, kind)[1:]
    # Whether it lives and is ready needs no key, for whoever balances loads has none.
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    server = client.get_server_metadata(headers=headers)
    model = client.get_model_metadata(MODEL, headers=headers)
    if kind == "http":
        assert (server["name"], server["version"]) == ("vision-serve", "1.2.3")
        assert (model["versions"], model["inputs"][0]["datatype"]) == (["2.0"], "BYTES")
    else:
        assert (server.name, server.version) == ("vision-serve", "1.2.3")
        assert (list(model.versions), model.inputs[0].datatype) == (["2.0"], "BYTES")
        assert [list(one.shape) for one in model.outputs] == [[-1, -1], [-1, -1], [-1]]


@pytest.mark.parametrize(
    ("wrong", "grpc", "http"),
    [
        ("key", "StatusCode.UNAUTHENTICATED", "401"),
        ("model", "StatusCode.NOT_FOUND", "404"),
        ("picture", "StatusCode.INVALID_ARGUMENT", "415"),
        ("size", "StatusCode.RESOURCE_EXHAUSTED", "413"),
        ("output", "StatusCode.INVALID_ARGUMENT", "400"),
        ("datatype", "StatusCode.INVALID_ARGUMENT", "400"),
        ("busy", "StatusCode.UNAVAILABLE", "503"),
        ("died", "StatusCode.UNAVAILABLE", "503"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_comes_in_the_protocol_s_own_shape(front: Front, kind: str, wrong: str, grpc: str, http: str) -> None:
    module, client, headers = triton(front, kind)
    asked = tensor(module, {"picture": [b"bad"], "size": [bytes(5_000_000)]}.get(wrong, [b"one"]))
    outputs = [module.InferRequestedOutput("no such")] if wrong == "output" else None
    if wrong == "datatype":
        asked = module.InferInput("picture", [1], "FP32")
        asked.set_data_from_numpy(np.zeros(1, dtype=np.float32))
    if wrong == "key":
        headers = {"authorization": "Bearer vs_wrong"}
    front.behind.mood.broken = {"busy": 503, "died": 507}.get(wrong, 0)
    try:
        with pytest.raises(InferenceServerException) as caught:
            client.infer("vegetable" if wrong == "model" else MODEL, [asked], headers=headers, outputs=outputs)
    finally:
        front.behind.mood.broken = 0
    assert caught.value.status() == (http if kind == "http" else grpc)
    assert caught.value.message().strip()


def test_a_grpc_method_that_is_not_served_is_unimplemented(front: Front) -> None:
    _, client, headers = triton(front, "grpc")
    with pytest.raises(InferenceServerException) as caught:
        client.load_model(MODEL, headers=headers)
    assert caught.value.status() == "StatusCode.UNIMPLEMENTED"


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x00\x00\x00\x09abc", b"\x01\x00\x00\x00\x00", b"\x00\x00\x00\x00\x02\x2a\xff"]
)
def test_a_damaged_grpc_message_is_an_error_and_no_crash(front: Front, body: bytes) -> None:
    with front.client() as client:
        answer = client.post(
            "/inference.GRPCInferenceService/ModelInfer", content=body, headers={"Content-Type": "application/grpc"}
        )
    assert answer.status_code == 200
    assert front.behind.predictions() == []


def test_v2_takes_json_too(front: Front) -> None:
    inputs = [{"name": "picture", "shape": [2], "datatype": "BYTES", "data": [b64(b"one"), b64(b"two")]}]
    with front.client() as client:
        answer = client.post(V2, json={"id": "9", "inputs": inputs}).json()
    assert answer["id"] == "9"
    assert (answer["model_name"], answer["model_version"]) == (MODEL, "2.0")
    outputs = {output["name"]: output for output in answer["outputs"]}
    assert outputs["label"]["data"] == [label(b"one"), "other 1", label(b"two"), "other 1"]
    assert outputs["label"]["shape"] == [2, 2]
    assert outputs["error"]["data"] == ["", ""]


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        {},
        {"inputs": []},
        {"inputs": [None]},
        {"inputs": [{"name": "p", "shape": [1], "datatype": "BYTES"}]},
        {"inputs": [{"name": "p", "shape": [-1], "datatype": "BYTES", "data": [""]}]},
        {"inputs": [{"name": "p", "shape": "1", "datatype": "BYTES", "data": [""]}]},
        {"inputs": [{"name": "p", "shape": [2], "datatype": "BYTES", "data": ["QQ=="]}]},
        {"inputs": [{"name": "p", "shape": [65], "datatype": "BYTES", "data": ["QQ=="] * 65}]},
        {"inputs": [{"name": "p", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 9}}]},
        {"inputs": [{"name": "p", "shape": [1], "datatype": "BYTES", "data": ["QQ=="]}], "outputs": 7},
        {"inputs": [{"name": "p", "shape": [1], "datatype": "BYTES", "data": [None]}]},
        {
            "inputs": [{"name": "p", "shape": [1], "datatype": "BYTES", "data": ["QQ=="]}],
            "parameters": 7,
            "outputs": [7],
        },
    ],
)
def test_v2_says_what_is_wrong_with_a_request(front: Front, document: Any) -> None:
    content = document if isinstance(document, str) else json.dumps(document)
    with front.client() as client:
        answer = client.post(V2, content=content)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    "instance",
    [{"b64": "%s"}, "%s", {"data": "%s"}, {"image_bytes": {"b64": "%s"}}, {"image": "data:image/jpeg;base64,%s"}],
)
def test_v1_takes_a_picture_as_its_clients_write_it(front: Front, instance: Any) -> None:
    given = json.loads(json.dumps(instance) % b64(b"\xff\xd8 one"))
    with front.client() as client:
        answer = client.post(f"{V1}?topk=1", json={"instances": [given]})
    assert answer.json() == {"predictions": [{label(b"\xff\xd8 one"): 0.75}]}


def test_v1_answers_in_order_and_a_bad_picture_fails_alone(front: Front) -> None:
    instances: list[Any] = [{"b64": b64(picture)} for picture in PICTURES] + [{"b64": "%"}, {"x": 1}, 7]
    with front.client() as client:
        predictions = client.post(V1, json={"instances": instances}).json()["predictions"]
    good = {index: label(picture) for index, picture in enumerate(PICTURES) if not picture.startswith(b"bad")}
    assert {index: next(iter(one)) for index, one in enumerate(predictions) if "error" not in one} == good
    assert predictions[1] == {"error": "This is not a picture.", "code": 415}
    assert "not base64" in predictions[6]["error"]
    assert "no picture in this instance" in predictions[7]["error"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("null", 400),
        ('{"instances": []}', 400),
        ('{"instances": {"b64": ""}}', 400),
        ('{"instances": [{"b64": "%"}]}', 400),
        (json.dumps({"instances": [{"b64": "QQ=="}] * 65}), 400),
        (json.dumps({"instances": [{"b64": b64(b"bad")}]}), 415),
    ],
)
def test_v1_says_what_is_wrong_with_a_request(front: Front, content: str, status: int) -> None:
    with front.client() as client:
        answer = client.post(V1, content=content)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


def test_v1_lists_its_model(front: Front) -> None:
    with front.client() as client:
        assert client.get("/v1/models").json() == {"models": [MODEL]}
        assert client.get(f"/v1/models/{MODEL}").json() == {"name": MODEL, "ready": True}
        assert client.get("/v1/models/vegetable").status_code == 404
        assert client.get("/v1/models/vegetable").json()["error"].startswith("There is no model vegetable")


@pytest.mark.parametrize("name", ["constructor", "toString", "hasOwnProperty"])
def test_what_every_object_of_javascript_has_is_no_model(front: Front, name: str) -> None:
    with front.client() as client:
        assert client.get(f"/v1/models/{name}").status_code == 404
        assert client.get(f"/v2/models/{name}").status_code == 404
        assert client.get(f"/v2/models/{name}/ready").status_code == 404
        client.post(f"/predictions/{name}", content=b"a picture")
        assert f'model="{name}"' not in client.get("/metrics").text


def test_several_pictures_wait_for_a_place_where_one_would_be_sent_away(front: Front) -> None:
    # 4 at a time go to a TorchServe that has 8 in flight: two such requests fill it, and a third waits.
    with front.client() as client:
        many = {"instances": [{"b64": b64(b"slow %d" % index)} for index in range(12)]}
        predictions = client.post(V1, json=many).json()["predictions"]
    assert [next(iter(one)) for one in predictions] == [label(b"slow %d" % index) for index in range(12)]
