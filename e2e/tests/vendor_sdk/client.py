"""Calls a 金蝶云星空 site through the vendor's own client, as the test beside it says.

Reads a call per line from standard input, and writes what it was answered, a line each, to standard output:

    {"account": {"acct_id", "user_name", "app_id", "app_secret", "server_url"}, "method": "View", "arguments": [...]}
    {"answer": "<the text the client returned>"}   or   {"error": "<what the client raised>"}

Calls of one account share a client, and so the session that the client keeps.
"""

import json
import sys

from k3cloud_webapi_sdk.main import K3CloudApiSdk

SECONDS = 30


def connect(account):
    """A client that is ready to call."""
    sdk = K3CloudApiSdk(account["server_url"], SECONDS)
    sdk.InitConfig(**account, connect_timeout=SECONDS, request_timeout=SECONDS)
    return sdk


def main():
    clients = {}
    for line in sys.stdin:
        call = json.loads(line)
        name = json.dumps(call["account"], sort_keys=True)
        if name not in clients:
            clients[name] = connect(call["account"])
        try:
            told = {"answer": getattr(clients[name], call["method"])(*call["arguments"])}
        except RuntimeError as error:  # what the client raises for every answer it does not take
            told = {"error": str(error)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
