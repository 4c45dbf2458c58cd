"""Prints the daemon's version: info.py ENDPOINT [--default-authority], the token in PAGEWIRE_TOKEN."""

import os
import sys

import grpc

endpoint, *flags = sys.argv[1:]
token = os.environ.get("PAGEWIRE_TOKEN")
options = []
if endpoint.startswith("unix:") and "--default-authority" not in flags:
    # gRPC's own would be the percent-encoded path, which is no authority: the daemon resets the stream.
    options.append(("grpc.default_authority", "localhost"))

with grpc.insecure_channel(endpoint, options=options) as channel:
    # Without generated code: bytes in, bytes out.
    get_server_info = channel.unary_unary("/pagewire.v1.ControlService/GetServerInfo", None, None)
    metadata = [("authorization", f"Bearer {token}")] if token else None
    try:
        info = get_server_info(b"", metadata=metadata, timeout=10)
    except grpc.RpcError as error:
        sys.exit(f"{error.code()}: {error.details()}")

# Field 1, a short string: server_version.
assert info[0] == 0x0A, info
print(info[2 : 2 + info[1]].decode())
