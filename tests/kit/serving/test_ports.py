from kit.serving.ports import addresses, free_ports


def test_five_different_ports() -> None:
    assert len(set(free_ports())) == 5


def test_five_ports_are_torchserves_five_addresses() -> None:
    values = addresses([1, 2, 3, 4, 5])
    assert values["inference_address"] == "http://127.0.0.1:1"
    assert values["metrics_address"] == "http://127.0.0.1:3"
    assert values["grpc_management_port"] == "5"
