"""Where a DVC remote keeps its objects: a folder, or S3 as moto serves it on the loopback address."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import botocore.session
import requests
from moto.server import ThreadedMotoServer

BUCKET = "bucket"
KEYS = {"AWS_ACCESS_KEY_ID": "of-nobody", "AWS_SECRET_ACCESS_KEY": "no-secret", "AWS_DEFAULT_REGION": "us-east-1"}
NONE = {f"AWS_{name}_FILE": "/no/such/file" for name in ("CONFIG", "SHARED_CREDENTIALS")}


@dataclass(frozen=True)
class Stored:
    """A remote's address, and what it holds, by name within the remote. endpoint: empty for a folder."""

    url: str
    endpoint: str = ""

    @property
    def config(self) -> dict[str, str]:
        return {"url": self.url, **({"endpointurl": self.endpoint} if self.endpoint else {})}

    def configure(self, project: Path) -> None:
        """Makes it the default remote, `store`."""
        lines = ["[core]", "    analytics = false", "    remote = store"]
        lines += ["    no_scm = true"] if not (project / ".git").exists() else []
        lines += ["['remote \"store\"']"]
        lines += [f"    {key} = {value}" for key, value in self.config.items()]
        (project / ".dvc/config").write_text("\n".join(lines) + "\n")

    def names(self) -> set[str]:
        if not self.endpoint:
            return {str(path.relative_to(self.url)) for path in Path(self.url).rglob("*") if path.is_file()}
        pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{self._prefix}/")
        keys = {item["Key"] for page in pages for item in page.get("Contents", ())}
        return {key.removeprefix(f"{self._prefix}/") for key in keys}

    def read(self, name: str) -> bytes:
        if not self.endpoint:
            return Path(self.url, name).read_bytes()
        content: bytes = self._client().get_object(Bucket=BUCKET, Key=f"{self._prefix}/{name}")["Body"].read()
        return content

    def write(self, name: str, content: bytes) -> None:
        if not self.endpoint:
            path = Path(self.url, name)
            path.unlink(missing_ok=True)
            path.write_bytes(content)
            path.chmod(0o444)  # as DVC's objects are
        else:
            self._client().put_object(Bucket=BUCKET, Key=f"{self._prefix}/{name}", Body=content)

    def remove(self, name: str) -> None:
        if not self.endpoint:
            Path(self.url, name).unlink()
        else:
            self._client().delete_object(Bucket=BUCKET, Key=f"{self._prefix}/{name}")

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """What is asked meanwhile is denied."""
        if not self.endpoint:
            (files := Path(self.url, "files")).mkdir(parents=True, exist_ok=True)
            files.rename(kept := Path(f"{self.url}.kept"))
            files.write_text("no folder")
            yield
            files.unlink()
            kept.rename(files)
        else:
            requests.post(f"{self.endpoint}/moto-api/reset-auth", data=b"0", timeout=10)
            yield
            requests.post(f"{self.endpoint}/moto-api/reset-auth", data=b"inf", timeout=10)

    @property
    def _prefix(self) -> str:
        return self.url.removeprefix(f"s3://{BUCKET}/")

    def _client(self) -> Any:
        return _client(self.endpoint)


def _client(endpoint: str) -> Any:
    return botocore.session.get_session().create_client("s3", endpoint_url=endpoint)


@contextmanager
def served() -> Iterator[str]:
    """The address of an S3 with one bucket; meanwhile the environment has credentials for it."""
    with patch.dict(os.environ, KEYS | NONE):
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            address = "http://{}:{}".format(*server.get_host_and_port())
            _client(address).create_bucket(Bucket=BUCKET)
            yield address
        finally:
            server.stop()
