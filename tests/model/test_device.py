"""Devices, and Apple's GPU without one: tensors that have a device and a shape but no numbers, on which mixing devices is an error.

Gradients are not looked at: PyTorch wants the hardware for them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from asr.errors import UsageError
from asr.model.acoustic import AcousticModel, AcousticModelConfig, Emission
from asr.model.ctc_crf import log_partition, unit_posteriors
from asr.model.device import choose_device, loss_device
from asr.model.encoder import EncoderConfig
from asr.model.losses import ctc_loss
from asr.model.precision import resolve_precision
from asr.model.regularisation import FrameDropout
from asr.model.spec_augment import SpecAugmentConfig


class SinglePrecision(TorchDispatchMode):
    """Apple's GPU has no numbers of 64 bits."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for one in tree_leaves([args, result]):
            if isinstance(one, Tensor) and one.device.type == "mps":
                assert one.dtype != torch.float64, func
        return result


@contextmanager
def apple() -> Iterator[None]:
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), SinglePrecision(), torch.no_grad():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def on_apple(*sizes: int, kind: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(sizes, dtype=kind, device="mps")


def test_a_device_is_what_its_name_says_and_auto_is_cuda_or_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("cpu") == torch.device("cpu")
    for has_cuda, wanted in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda has_cuda=has_cuda: has_cuda)
        assert choose_device("auto").type == wanted
    with apple():
        assert choose_device("mps").type == "mps"


@pytest.mark.parametrize("name", ["mps", "tpu", "cuda:99"])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    if name == "mps" and torch.backends.mps.is_available():
        pytest.skip("there is one here")
    with pytest.raises(
        UsageError, match=rf"device '{name}' cannot be used here .*; expected cpu, cuda, mps or auto"
    ):
        choose_device(name)


def test_losses_are_computed_beside_the_network_but_for_apples_gpu_on_the_cpu() -> None:
    assert loss_device(torch.device("cuda:1")) == torch.device("cuda:1")
    assert loss_device(torch.device("mps")) == loss_device(torch.device("cpu")) == torch.device("cpu")
    assert resolve_precision("auto", torch.device("mps")) == "float32"


def stand_in_for_ctc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one looks at numbers, of which there are none here."""

    def stand_in(log_probs: Tensor, *others: Tensor, **_: object) -> Tensor:
        assert {one.device.type for one in (log_probs, *others)} == {"cpu"}, f"CTC on {log_probs.device.type}"
        return log_probs.sum((0, 2))

    monkeypatch.setattr(torch.nn.functional, "ctc_loss", stand_in)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ctc": lambda log_probs, lengths: ctc_loss(
        Emission(log_probs, lengths), on_apple(2, 3, kind=torch.int64), on_apple(2, kind=torch.int64)
    ),
    "ctc-crf": lambda log_probs, lengths: log_partition(log_probs, lengths, on_apple(1, 5, 5)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_apples_gpu_comes_back_to_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_ctc(monkeypatch)
    # How many utterances want logarithms depends on numbers, of which there are none here.
    monkeypatch.setattr(
        "asr.model.ctc_crf.solve", lambda p, table, with_posteriors: (p.sum(2).sum(1), p * table.sum())
    )
    with apple():
        log_probs = on_apple(2, 7, 5)
        losses = LOSSES[name](log_probs, on_apple(2, kind=torch.int64))
        assert losses.device.type == "mps"
        assert losses.shape == (2,)
        assert (
            unit_posteriors(log_probs, on_apple(2, kind=torch.int64), on_apple(1, 5, 5)).device.type == "mps"
        )


def test_without_the_way_round_the_stand_in_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_ctc(monkeypatch)
    monkeypatch.setattr("asr.model.losses.loss_device", lambda device: device)
    with apple(), pytest.raises(AssertionError, match="CTC on mps"):
        LOSSES["ctc"](on_apple(2, 7, 5), on_apple(2, kind=torch.int64))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_network_runs_on_a_device_that_is_neither_cpu_nor_cuda(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`meta` has shapes and no numbers, and is not to be mixed with the CPU."""
    config = AcousticModelConfig(
        spec_augment=SpecAugmentConfig(frequency_warp=0.1),
        encoder=EncoderConfig(layers=2, hidden_size=16, channels=4, dropout=0.5, cell=cell),  # type: ignore[arg-type]
    )
    model = AcousticModel(config, vocabulary_size=5).train().to("meta")
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which does not know `meta`
    assert torch.float64 not in {values.dtype for values in (*model.parameters(), *model.buffers())}
    lengths = torch.zeros(2, dtype=torch.int64, device="meta")
    features, sizes = model.features(torch.zeros(2, 16000, device="meta"), lengths)
    encoding = model.encoder(model.spec_augment(features, sizes), sizes)
    assert model.emission(encoding).log_probs.device.type == "meta"
    assert FrameDropout(0.5).train()(torch.zeros(2, 3, 4, device="meta")).device.type == "meta"
