"""The golden file as text, one tensor a line; and the comparison behind `--check`."""

import json

RELATIVE, ABSOLUTE = 1e-12, 1e-15  # RELATIVE to the tensor's largest number: another CPU's exp differs in the last bits


def dump(node, key: str = "", pad: str = "") -> str:
    """Indented JSON, but a tensor and a config stay on one line."""
    if key == "config" or not node or not isinstance(node, (dict, list)) or "shape" in node:
        return json.dumps(node, allow_nan=False)
    inner = pad + "  "
    if isinstance(node, dict):
        lines = [f"{inner}{json.dumps(name)}: {dump(value, name, inner)}" for name, value in node.items()]
        text = "{\n" + ",\n".join(lines) + f"\n{pad}}}"
    else:
        text = "[\n" + ",\n".join(inner + dump(value, "", inner) for value in node) + f"\n{pad}]"
    return text if pad else text + "\n"


def differences(new, old, where: str = "") -> list[str]:
    """Every place where the file `old` does not say what `new` says."""
    if isinstance(new, dict) and isinstance(old, dict) and new.keys() == old.keys():
        return [line for key in new for line in differences(new[key], old[key], f"{where}/{key}")]
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        if new and all(isinstance(x, float) for x in new + old):
            slack = RELATIVE * max(map(abs, new)) + ABSOLUTE
            return [f"{where}[{i}]: {b} should be {a}" for i, (a, b) in enumerate(zip(new, old)) if abs(a - b) > slack]
        return [line for i, (a, b) in enumerate(zip(new, old)) for line in differences(a, b, f"{where}[{i}]")]
    if isinstance(new, float) and isinstance(old, float):
        return differences([new], [old], where)
    return [] if new == old else [f"{where}: differs"]
