"""Ceph's RADOS Gateway: a real S3 store, from Debian's own packages.

One monitor, one OSD that keeps everything in memory, and the gateway, all on the loopback address,
with files in a folder of the test alone: the system's own Ceph, if there is one, is not touched.

Ceph RGW 16.2 differs from AWS in what these tests touch:
- A fresh bucket has neither a public access block nor default encryption nor ownership controls.
- GetPublicAccessBlock has a root element that nobody else uses, so the block can be written and
  never read: unsupported. The block is enforced nevertheless.
- A sub-resource that it does not know is passed over: GET lists the objects.
- Signatures, bucket policies and clocks are judged as on AWS.
"""

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import boto3
from botocore.config import Config
import pytest

from stores import Store
from waiting import answers, free_port, until

PROGRAMS = ["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph"]

CONFIGURATION = """\
[global]
fsid = {fsid}
mon_initial_members = a
mon_host = [v2:127.0.0.1:{mon},v1:127.0.0.1:{mon_old}]
ms_bind_ipv4 = true
ms_bind_ipv6 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
# Without this the clients wait for a secure connection that nobody has keys for.
ms_mon_client_mode = crc
keyring = {folder}/keyring
run_dir = {folder}
admin_socket = {folder}/$name.asok
pid_file = {folder}/$name.pid
crash_dir = {folder}
log_file = {folder}/$name.log
log_to_stderr = false
err_to_stderr = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000

[mon]
mon_data = {folder}/mon
mon_cluster_log_file = {folder}/cluster.log
mon_data_avail_crit = 1
mon_osd_crush_smoke_test = false

[osd]
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_class_default_list = *
osd_class_load_list = *

[client.rgw]
# Without tcp_nodelay every request on a kept connection costs 40 ms.
rgw_frontends = beast endpoint=127.0.0.1:{rgw} tcp_nodelay=1
rgw_dns_name = localhost
rgw_enable_static_website = true
# Requests come over plain HTTP; who stands between may say that they came over TLS.
rgw_trust_forwarded_https = true
rgw_thread_pool_size = 32
rgw_enable_usage_log = false
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
"""


def missing() -> list[str]:
    path = f"{os.environ['PATH']}:/usr/sbin"
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


class Rgw(Store):
    """The gateway, with a user `test` and one, `other`, who owns nothing and may nothing."""

    name = "rgw"
    # Its signatures are judged, and they are over the host that the client named.
    keeps_host = True

    def __init__(self, folder: Path) -> None:
        if missing():
            said = f"{', '.join(missing())} missing: install radosgw, ceph-mon and ceph-osd"
            if os.environ.get("DRIFTLESS_WITHOUT_RGW") == "1":
                pytest.skip(f"{said}; DRIFTLESS_WITHOUT_RGW=1 says that this is known")
            pytest.fail(f"{said}, or set DRIFTLESS_WITHOUT_RGW=1")
        self.folder = folder
        self.parts: list[subprocess.Popen] = []
        super().__init__(folder)
        try:
            for user in ("test", "other"):
                self.admin("user", "create", f"--uid={user}", f"--display-name={user}",
                           f"--access-key={user}", f"--secret={user}")
        except BaseException:
            self.stop()
            raise

    @property
    def configuration(self) -> Path:
        return self.folder / "ceph.conf"

    def environment(self) -> dict[str, str]:
        # No CEPH_* of the machine, and no /etc/ceph.
        return {"PATH": f"{os.environ['PATH']}:/usr/sbin", "HOME": str(self.folder)}

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [*command, "-c", str(self.configuration)], cwd=self.folder, env=self.environment(),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}{self.said()}"
        return done.stdout

    def admin(self, *words: str) -> dict:
        """What `radosgw-admin` answers."""
        text = self.run("radosgw-admin", *words, "--name=client.rgw")
        return json.loads(text) if text.strip().startswith(("{", "[")) else {}

    def begin(self, log, *command: str) -> subprocess.Popen:
        part = subprocess.Popen(
            [*command, "-c", str(self.configuration), "-f"], cwd=self.folder, env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        self.parts.append(part)
        return part

    def start(self, folder: Path, log) -> subprocess.Popen:
        self.end()
        for name in ("mon", "osd"):
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir()
        fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
        mon, mon_old = free_port(), free_port()
        (folder / "keyring").write_text("")
        self.configuration.write_text(
            CONFIGURATION.format(fsid=fsid, mon=mon, mon_old=mon_old, rgw=self.port, folder=folder)
        )
        (folder / "monmap").unlink(missing_ok=True)
        self.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a",
                 f"[v2:127.0.0.1:{mon},v1:127.0.0.1:{mon_old}]", str(folder / "monmap"))
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(folder / "monmap"))
        monitor = self.begin(log, "ceph-mon", "-i", "a")
        until("the monitor listens", lambda: monitor.poll() is not None or answers(mon), 30, self.said)
        self.run("ceph", "osd", "new", osd, "0")
        self.run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", osd)
        self.begin(log, "ceph-osd", "-i", "0")
        return self.begin(log, "radosgw", "-n", "client.rgw")

    def said(self) -> str:
        logs = [path.read_text(errors="replace")[-1500:] for path in sorted(self.folder.glob("*.log"))]
        return "\n".join(logs)

    def end(self) -> None:
        # There is nothing in it to save. The gateway first: it talks to the others.
        for part in reversed(self.parts):
            part.kill()
            part.wait()
        self.parts.clear()

    def stop(self) -> None:
        self.end()

    def client(self, user: str = "test"):
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=user,
            aws_secret_access_key=user,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 3}),
        )
