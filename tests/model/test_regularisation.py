"""Dropout, frame by frame and shared."""

import pytest
import torch

from asr.model.regularisation import FrameDropout, SharedDropout


def test_variational_dropout_is_one_mask_an_utterance() -> None:
    dropout = SharedDropout(0.5).train()
    dropped = dropout(torch.ones(8, 20, 64))
    assert (dropped == dropped[:, :1]).all()
    assert not (dropped[0] == dropped[1]).all()
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert (dropout.eval()(torch.ones(2, 3, 4)) == 1).all()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("shape", [(7, 101, 33), (1, 1, 1)])
def test_frame_dropout_drops_its_share_and_scales_the_rest(share: float, shape: tuple[int, int, int]) -> None:
    hidden = torch.full(shape, 2.0, requires_grad=True)
    dropped = FrameDropout(share).train()(hidden)
    dropped.sum().backward()
    kept = dropped != 0
    assert torch.allclose(dropped[kept], torch.tensor(2.0 / (1 - share)))
    assert hidden.grad is not None
    assert torch.equal(hidden.grad != 0, kept)
    if kept.numel() > 1000:
        assert 1 - float(kept.float().mean()) == pytest.approx(share, abs=0.02)
        assert not torch.equal(kept[0, 0], kept[0, 1])


def test_frame_dropout_follows_the_seed_and_rests_in_use() -> None:
    dropout, hidden = FrameDropout(0.4), torch.ones(2, 9, 5)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(dropout.train()(hidden))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert dropout.eval()(hidden) is hidden
    assert FrameDropout(0.0).train()(hidden) is hidden
