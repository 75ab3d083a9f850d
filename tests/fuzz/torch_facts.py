"""What PyTorch says about a module: its output, parameters, buffers, and MACs by FlopCounterMode."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

import cnncalc

from .measure import Fact, compare_values


def fact(module: Any, *inputs: Any) -> Fact:
    """Return what PyTorch says about a module for its inputs.

    FlopCounterMode counts attention by its products; fused attention is left out on a CPU, so it is not fused. It does
    not count recurrent layers, so the MACs of a module with one are None.
    """
    counter = FlopCounterMode(display=False)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            out = next(leaf for leaf in tree_leaves(module(*inputs)) if isinstance(leaf, torch.Tensor))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    params = sum(one.numel() for one in module.parameters())
    buffers = sum(one.numel() for name, one in module.named_buffers() if not name.endswith("num_batches_tracked"))
    recurrent = any(isinstance(one, torch.nn.RNNBase | torch.nn.RNNCellBase) for one in module.modules())
    macs = None if recurrent else counter.get_total_flops() // 2
    return Fact(tuple(out.shape), params, buffers, macs, out.numpy())


def exact(net: Any, x: Any) -> bool:
    """Return whether a module's values agree in float64."""
    net = net.double()
    with torch.no_grad():
        want = net(x.double()).numpy()
    network = cnncalc.from_torch(net, tuple(x.shape))
    line = compare_values(want, network, x.double().numpy())
    return bool(line.get("diff", 1) < 1e-9)
