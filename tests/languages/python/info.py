"""Prints the daemon's version. Usage: info.py ENDPOINT, with the token in PAGEWIRE_TOKEN."""

import os
import sys

import grpc

[endpoint] = sys.argv[1:]
token = os.environ.get("PAGEWIRE_TOKEN")

with grpc.insecure_channel(endpoint) as channel:
    # Messages as raw bytes, without generated code.
    get_server_info = channel.unary_unary("/pagewire.v1.ControlService/GetServerInfo", None, None)
    metadata = [("authorization", f"Bearer {token}")] if token else None
    try:
        info = get_server_info(b"", metadata=metadata, timeout=10)
    except grpc.RpcError as error:
        sys.exit(f"{error.code()}: {error.details()}")

# Field 1, a short string: server_version.
assert info[0] == 0x0A, info
print(info[2 : 2 + info[1]].decode())
