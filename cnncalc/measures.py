"""Optional figures of a network beside its report: bytes, and the multiply-accumulates that other tools print."""

from __future__ import annotations

from typing import NamedTuple


class LayerMemory(NamedTuple):
    """The bytes of one layer; None for a number that is not known."""

    activations: int | None
    """Bytes of its output for the whole batch; 0 for a view."""
    params: int | None
    """Bytes of its trained numbers; 0 if it shares another layer's."""
    buffers: int | None
    alive: int | None
    """Bytes of all tensors in memory while it runs; for a block, the maximum."""
    moved: int | None
    """Bytes read and written: inputs, output and its own numbers; for a block, the sum over its layers."""

    def to_dict(self) -> dict[str, int | None]:
        """Return the bytes as JSON."""
        return {f"{name}_bytes": value for name, value in self._asdict().items()}


class NetworkMemory(NamedTuple):
    """The bytes of a network; None for a number that is not known."""

    dtype: str
    input: int | None
    naive: int | None
    """Bytes of all outputs together, views included, as other tools count them."""
    peak: int | None
    """The most bytes in memory at once, without the parameters."""
    peak_at: str | None
    """The layer that runs at the peak; the first of several."""
    peak_tensors: tuple[tuple[str, int], ...]
    """The tensors in memory at the peak: the layer whose output each is, and its bytes."""
    params: int | None
    buffers: int | None

    def to_dict(self) -> dict[str, object]:
        """Return the bytes as JSON."""
        return {
            "dtype": self.dtype,
            "input_bytes": self.input,
            "peak_bytes": self.peak,
            "peak_at": self.peak_at,
            "peak_tensors": dict(self.peak_tensors),
            "all_outputs_bytes": self.naive,
            "params_bytes": self.params,
            "buffers_bytes": self.buffers,
        }


class OpCount(NamedTuple):
    """The layers of one op, and what a tool counts for them."""

    op: str
    why: str
    """Why the tool's count differs, in words."""
    exact: int | None
    macs: int | None
    """The tool's count."""

    @property
    def difference(self) -> int | None:
        """The tool's count minus the exact count."""
        return None if self.exact is None or self.macs is None else self.macs - self.exact


class MacsAs(NamedTuple):
    """The multiply-accumulates that a tool prints for a network."""

    tool: str
    version: str
    macs: int | None
    exact: int | None
    """The exact count; for one sample if the tool counts for one sample."""
    kinds: tuple[OpCount, ...]
    """The counts by op, in the order in which the ops appear."""
    unknown: tuple[str, ...]
    """The layers whose count is not known."""

    def to_dict(self) -> dict[str, object]:
        """Return the figure as JSON."""
        return {"tool": self.tool, "macs": self.macs}
