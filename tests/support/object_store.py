"""A local server that implements the S3 protocol."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NAMES = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[str]:
    """The URL of an empty bucket; DVC and pyarrow find its server by the environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would print every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for key, value in {**_NAMES, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            monkeypatch.setenv(key, value)
        boto3.client("s3").create_bucket(Bucket=name)
        yield f"s3://{name}"
    finally:
        server.stop()


def upload(source: Path, url: str) -> None:
    """Copy a file or a folder to a URL."""
    from pyarrow import fs

    files, path = fs.FileSystem.from_uri(url)
    if source.is_dir():
        fs.copy_files(str(source), path, destination_filesystem=files)
        return
    with files.open_output_stream(path) as stream:
        stream.write(source.read_bytes())
