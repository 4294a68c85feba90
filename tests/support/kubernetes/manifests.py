"""The manifests as kubectl renders them, and what their schemas say about them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

FOLDER = Path(__file__).parents[3] / "deploy/kubernetes"
CHAMPION, CANDIDATE = "ghcr.io/octo/shop@sha256:" + "a" * 64, "ghcr.io/octo/shop@sha256:" + "b" * 64
KUBECTL = Path(sys.executable).with_name("kubectl")

_IMAGES = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - name: sluice.invalid/champion
    newName: ghcr.io/octo/shop
    digest: sha256:{a}
  - name: sluice.invalid/candidate
    newName: ghcr.io/octo/shop
    digest: sha256:{b}
"""


def render(folder: Path) -> list[Object]:
    """All objects that a kustomization gives, as kubectl would apply them."""
    command = [KUBECTL, "kustomize", folder]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return list(yaml.safe_load_all(done.stdout))


def with_images(folder: Path) -> Path:
    """A copy of the manifests in which the images are named, as after a release."""
    shutil.copytree(FOLDER, folder)
    text = _IMAGES.format(a="a" * 64, b="b" * 64)
    (folder / "images/kustomization.yaml").write_text(text)
    return folder


def validate(manifest: Object) -> None:
    """Raise an error unless the object has the form that its API demands; unknown fields too."""
    import jsonschema
    import kubernetes_validate

    own = OWN_SCHEMAS.get(manifest["kind"])
    if own is not None:
        jsonschema.validate(manifest, own)
    else:
        kubernetes_validate.validate(manifest, "1.37.0", strict=True)


def _closed(required: list[str], **properties: Any) -> Object:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


def _some(items: Object) -> Object:
    return {"type": "array", "minItems": 1, "maxItems": 16, "items": items}


_NAME: Object = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"}
_PORT: Object = {"type": "integer", "minimum": 1, "maximum": 65_535}
_LABELS: Object = {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}}
_METADATA = _closed(["name"], name=_NAME, namespace=_NAME, labels=_LABELS)
_PATH = _closed(["type", "value"], type={"enum": ["Exact", "PathPrefix"]}, value={"pattern": "^/"})
# No schema of the Gateway API comes with kubernetes-validate: this one has the fields of its
# standard channel that the manifests use, and no others.
_ROUTE = _closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "gateway.networking.k8s.io/v1"},
    kind={"const": "HTTPRoute"},
    metadata=_METADATA,
    spec=_closed(
        ["parentRefs", "rules"],
        parentRefs=_some(
            _closed(["name"], group=_NAME, kind={"const": "Gateway"}, name=_NAME, namespace=_NAME)
        ),
        hostnames=_some(_NAME),
        rules=_some(
            _closed(
                ["backendRefs"],
                matches=_some(_closed(["path"], path=_PATH)),
                backendRefs=_some(
                    _closed(
                        ["name", "port"],
                        name=_NAME,
                        port=_PORT,
                        weight={"type": "integer", "minimum": 0, "maximum": 1_000_000},
                    )
                ),
            )
        ),
    ),
)
_SELECTOR = _closed(["matchLabels"], matchLabels=_LABELS)
_ENDPOINT = _closed(
    ["port"],
    port=_NAME,
    path={"pattern": "^/"},
    interval={"pattern": "^[0-9]+(s|m)$"},
    authorization=_closed(
        ["credentials"],
        type={"const": "Bearer"},
        credentials=_closed(["name", "key"], name=_NAME, key={"type": "string"}),
    ),
)
_MONITOR = _closed(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "monitoring.coreos.com/v1"},
    kind={"const": "PodMonitor"},
    metadata=_METADATA,
    spec=_closed(
        ["selector", "podMetricsEndpoints"],
        selector=_SELECTOR,
        podTargetLabels=_some({"type": "string"}),
        podMetricsEndpoints=_some(_ENDPOINT),
    ),
)
OWN_SCHEMAS = {"HTTPRoute": _ROUTE, "PodMonitor": _MONITOR}
