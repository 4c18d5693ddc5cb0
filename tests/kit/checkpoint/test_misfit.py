from kit.checkpoint.misfit import misfit, other_crop


def test_the_misfit_names_the_first_weight_with_both_shapes_and_counts_the_rest() -> None:
    network = {"a": (2, 3), "b": (4,), "c": (5,), "n.num_batches_tracked": ()}
    assert misfit({"a": (2, 9), "b": (7,), "z": (1,)}, network) == (
        "a is [2, 9] in the file and [2, 3] in the network (2 weights of another shape); "
        "1 weight not in the file: c [5]; 1 weight the network does not have: z [1]"
    )


def test_what_fits_has_no_misfit() -> None:
    assert misfit({"a": (2, 3)}, {"a": (2, 3), "n.num_batches_tracked": ()}) == ""


def test_positions_of_another_size_of_picture_tell_that_size() -> None:
    network = {"encoder.pos_embedding": (1, 50, 768), "heads.head.bias": (43,)}
    of_384 = network | {"encoder.pos_embedding": (1, 145, 768)}
    assert other_crop(of_384, network, 224) == 384
    assert other_crop(network, network, 224) == 0
    assert other_crop(of_384, network, 0) == 0
    assert other_crop(of_384 | {"heads.head.bias": (44,)}, network, 224) == 0
    assert other_crop({"heads.head.bias": (43,)}, network, 224) == 0
