"""A BERT's layers in onnxruntime, from its weights."""

import os
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

# From 1.29 on onnxruntime reports to its makers from where it is imported, unless this is said before anybody does so.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

EMBEDDED, HIDDEN, STATES = "embedded", "hidden", "states"
OPSET, FORMAT = 20, 10
"""Of ONNX 1.16, the first with GELU as one operation."""
QUIET = 3
"""onnxruntime's level of log from which it is heard: errors, which it raises as well."""


def bert(weights: "Mapping[str, Array]", *, layers: int, heads: int, epsilon: float) -> Any:
    """A session of onnxruntime that keeps to the thread it is run in.

    Its inputs are `embedded` (text, token, width), the sums of the embeddings, and `hidden` (text, 1, 1, token), what
    is added to the attention that a token gets; its output is `states` (text, token, width).

    Args:
        weights: By their names in BERT, matrices as (in, out), in memory for as long as the session is.
        layers: Of the transformer.
        heads: Of each layer's attention.
        epsilon: Added to a variance before it divides.

    Raises:
        ImportError: onnx or onnxruntime isn't installed.
        KeyError: A weight is missing.
    """
    import numpy as np

    graph, width = _Graph(weights), len(weights["embeddings.LayerNorm.bias"])
    split = graph.constant("split", np.array([0, 0, heads, width // heads]))
    join = graph.constant("join", np.array([0, 0, width]))
    scale = graph.constant("scale", np.float32((width // heads) ** -0.5))

    def linear(x: str, name: str) -> str:
        return graph.add("Add", graph.add("MatMul", x, graph.weight(f"{name}.weight")), graph.weight(f"{name}.bias"))

    def norm(x: str, name: str) -> str:
        scaled = (x, graph.weight(f"{name}.weight"), graph.weight(f"{name}.bias"))
        return graph.add("LayerNormalization", *scaled, epsilon=epsilon)

    def by_head(x: str, name: str, *order: int) -> str:
        return graph.add("Transpose", graph.add("Reshape", linear(x, name), split), perm=order)

    x = norm(EMBEDDED, "embeddings.LayerNorm")
    for layer in range(layers):
        at = f"encoder.layer.{layer}"
        query = by_head(x, f"{at}.attention.self.query", 0, 2, 1, 3)
        key = by_head(x, f"{at}.attention.self.key", 0, 2, 3, 1)
        value = by_head(x, f"{at}.attention.self.value", 0, 2, 1, 3)
        scores = graph.add("Add", graph.add("Mul", graph.add("MatMul", query, key), scale), HIDDEN)
        attended = graph.add("Transpose", graph.add("MatMul", graph.add("Softmax", scores), value), perm=(0, 2, 1, 3))
        attended = linear(graph.add("Reshape", attended, join), f"{at}.attention.output.dense")
        x = norm(graph.add("Add", x, attended), f"{at}.attention.output.LayerNorm")
        inner = graph.add("Gelu", linear(x, f"{at}.intermediate.dense"))
        x = norm(graph.add("Add", x, linear(inner, f"{at}.output.dense")), f"{at}.output.LayerNorm")
    return graph.session(x, width)


class _Graph:
    """A graph in the making. What an operation gives is named by its number."""

    def __init__(self, weights: "Mapping[str, Array]") -> None:
        self._helper: Any = import_module("onnx.helper")
        self._from_array: Any = import_module("onnx.numpy_helper").from_array
        self._tensor: Any = import_module("onnx").TensorProto
        self._weights = weights
        self._used = dict[str, Any]()
        self._constants = list[Any]()
        self._nodes = list[Any]()

    def constant(self, name: str, value: Any) -> str:
        import numpy as np

        self._constants.append(self._from_array(np.asarray(value), name))
        return name

    def weight(self, name: str) -> str:
        """A weight that the session reads where it lies in memory: written into the graph it would be there thrice."""
        value = self._used[name] = self._weights[name]
        declared = self._tensor(name=name, data_type=self._tensor.FLOAT, dims=value.shape)
        declared.data_location = self._tensor.EXTERNAL
        declared.external_data.add(key="location", value="memory")
        self._constants.append(declared)
        return name

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operation}_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operation, inputs, [output], **attributes))
        return output

    def session(self, states: str, width: int) -> Any:
        onnxruntime: Any = import_module("onnxruntime")

        def floats(name: str, *shape: int | str) -> Any:
            return self._helper.make_tensor_value_info(name, self._tensor.FLOAT, shape)

        self._nodes.append(self._helper.make_node("Identity", [states], [STATES]))
        inputs = [floats(EMBEDDED, "text", "token", width), floats(HIDDEN, "text", 1, 1, "token")]
        outputs = [floats(STATES, "text", "token", width)]
        graph = self._helper.make_graph(self._nodes, "bert", inputs, outputs, self._constants)
        opset = [self._helper.make_opsetid("", OPSET)]
        model = self._helper.make_model(graph, opset_imports=opset, ir_version=FORMAT)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in self._used.values()]
        options.add_external_initializers(list(self._used), values)
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
