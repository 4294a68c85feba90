"""Note that this workflow attests these digests."""

import hashlib
import json
import os
from pathlib import Path

state = Path(os.environ["STANDIN_STATE"], "attestations")
state.mkdir(exist_ok=True)
digests = {}
if os.environ["SUBJECT_CHECKSUMS"]:
    for line in Path(os.environ["SUBJECT_CHECKSUMS"]).read_text("utf-8").splitlines():
        digest, name = line.split()
        digests[f"{len(digests)}/{name}"] = f"sha256:{digest}"
elif os.environ["SUBJECT_PATH"]:
    paths = sorted(Path().glob(os.environ["SUBJECT_PATH"]))
    if not paths:
        raise SystemExit(f"nothing at {os.environ['SUBJECT_PATH']}")
    for path in paths:
        digests[path.name] = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
else:
    digests[os.environ["SUBJECT_NAME"]] = os.environ["SUBJECT_DIGEST"]
kind, predicate = "provenance", None
if os.environ["SBOM"]:
    kind = json.loads(Path(os.environ["SBOM"]).read_text("utf-8"))["bomFormat"]
elif os.environ["PREDICATE_TYPE"]:
    kind = os.environ["PREDICATE_TYPE"]
    predicate = json.loads(Path(os.environ["PREDICATE_PATH"]).read_text("utf-8"))
for name, digest in digests.items():
    if not digest.startswith("sha256:") or len(digest) != 71:
        raise SystemExit(f"{name}: no digest: {digest!r}")
    note = {
        "subject": name,
        "digest": digest,
        "workflow": os.environ["GITHUB_WORKFLOW"],
        "ref": os.environ["GITHUB_REF"],
        "commit": os.environ["GITHUB_SHA"],
        "kind": kind,
        "predicate": predicate,
        "run": int(os.environ["GITHUB_RUN_ID"]),
    }
    place = state / f"{digest.removeprefix('sha256:')}.{kind}.{note['run']}.json"
    place.write_text(json.dumps(note))
