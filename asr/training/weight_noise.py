"""Weight noise: gradients are taken at weights moved at random, steps are made from the weights themselves."""

import torch

from asr.model.acoustic import AcousticModel


class WeightNoise:
    """Gaussian noise on every weight of a model while one batch's gradient is computed (Graves 2011).

    Processes that train together draw different noise, as their batches differ; their weights stay the same.

    Args:
        model: whose weights are moved.
        deviation: of the noise; 0 never moves them.
    """

    def __init__(self, model: AcousticModel, deviation: float) -> None:
        self.deviation = deviation
        self._parameters = list(model.parameters())
        self._clean: list[torch.Tensor] = []

    @torch.no_grad()
    def add(self) -> None:
        """Move the weights; the draw follows torch's seed."""
        if self.deviation == 0:
            return
        assert not self._clean
        self._clean = [parameter.detach().clone() for parameter in self._parameters]
        for parameter in self._parameters:
            parameter.add_(torch.randn_like(parameter), alpha=self.deviation)

    @torch.no_grad()
    def remove(self) -> None:
        """Put the weights back, to the last bit."""
        for parameter, clean in zip(self._parameters, self._clean, strict=bool(self._clean)):
            parameter.copy_(clean)
        self._clean = []
