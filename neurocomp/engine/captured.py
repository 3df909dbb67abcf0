"""A function of lanes on CUDA without the cost of launches: its launches are captured once in a graph, then replayed.

A graph reads and writes the same memory at each replay, so it always computes as many lanes as at the capture. Live
lanes come first; the results of the others are dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch

from neurocomp.shapes import Tensor

WARM_UP = 3  # calls before the capture, as PyTorch advises: what a library makes at a first call cannot be captured

log = logging.getLogger(__name__)


class Captured:
    """A function from tensors with K lanes to tensors with K lanes, where no lane depends on another.

    It is captured at the shapes of `inputs`, on their device, and called with as many lanes or fewer.
    """

    def __init__(self, function: Callable[..., Sequence[Tensor]], inputs: Sequence[Tensor]):
        self.function = function  # a graph reads the tensors that it holds, at their addresses
        self.inputs = [part.detach().clone() for part in inputs]
        self.replay = capture(lambda: function(*self.inputs), self.inputs[0].device)

    def takes(self, inputs: Sequence[Tensor]) -> bool:
        """Whether these have lanes of the captured shape, and not more of them."""
        return all(
            len(part) <= len(place)
            and (part.shape[1:], part.dtype, part.device) == (place.shape[1:], place.dtype, place.device)
            for part, place in zip(inputs, self.inputs, strict=True)
        )

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        live = len(inputs[0])
        for place, part in zip(self.inputs, inputs, strict=True):
            place[:live].copy_(part)
        # Copies, because the next replay writes to the same places.
        return [part[:live].clone() for part in self.replay()]


def capture(function: Callable[[], Sequence[Tensor]], device: torch.device) -> Callable[[], Sequence[Tensor]]:
    """On CUDA a function that replays the launches of `function`; elsewhere `function` itself.

    It must not ask the host for anything while it runs. If it does, or a graph cannot hold it for another reason, the
    log says so and `function` itself is returned.
    """
    if device.type != "cuda":
        return function
    # Calls and capture share one stream, because libraries keep what a first call makes for each stream. The outer
    # `with` leaves the stream in any case: after an error `torch.cuda.graph` would stay on it.
    graph, side, current = torch.cuda.CUDAGraph(), torch.cuda.Stream(device), torch.cuda.current_stream(device)
    side.wait_stream(current)
    with torch.cuda.device(device), torch.cuda.stream(side):
        for _ in range(WARM_UP):
            function()
        current.wait_stream(side)
        try:
            with torch.cuda.graph(graph, stream=side):
                outputs = function()
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            log.warning("engine=eager launches an update step by step: no CUDA graph holds it (%s)", reason)
            return function

    def replay() -> Sequence[Tensor]:
        graph.replay()
        return outputs

    return replay
