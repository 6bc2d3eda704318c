#!/usr/bin/env python3
"""Signs in, signs an order, places it and follows it to its settlement on chain.

Prints one JSON value a line, so that it can be read by people and by the tests. Settings come from the environment:

    SOUK_URL     the GraphQL endpoint, for example http://127.0.0.1:8080/graphql
    SOUK_MARKET  the market's id (`markets { nodes { marketId symbol } }`)
    SOUK_KEY     the private key of an account that has deposited; only for accounts that hold nothing of worth
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from urllib.parse import urlsplit

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from websockets.sync.client import connect

URL = os.environ["SOUK_URL"]
MARKET = os.environ["SOUK_MARKET"]
account = Account.from_key(os.environ["SOUK_KEY"])


class SoukError(Exception):
    """An error of the API: `code` is for programs, the rest of `extensions` has the values that go with it."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.extensions = error.get("extensions", {})
        self.code = self.extensions.get("code")


def ask(query, variables=None, token=None):
    """Answers a query or mutation. A refusal is a `SoukError`; where the rate is spent, it waits as it is told and asks again."""
    headers = {"content-type": "application/json", "accept": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    for _ in range(5):
        try:
            with urllib.request.urlopen(urllib.request.Request(URL, body, headers), timeout=30) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as refused:
            answer = json.load(refused)
        if not answer.get("errors"):
            return answer["data"]
        error = SoukError(answer["errors"][0])
        wait = error.extensions.get("retryAfterSecs")
        if wait is None:
            raise error
        time.sleep(wait)
    raise error


def tell(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


def sign_in():
    """Signs a message of Sign-In with Ethereum (EIP-4361) for a session; its token."""
    challenge = ask("{ signInChallenge { nonce domains chains } }")["signInChallenge"]
    # The domain of the page that asks; a program names the server that it talks to.
    domain = urlsplit(URL).netloc
    message = (
        f"{domain} wants you to sign in with your Ethereum account:\n{account.address}\n\nSign in to Souk.\n\n"
        f"URI: {urlsplit(URL).scheme}://{domain}/\nVersion: 1\nChain ID: {challenge['chains'][0].split(':')[1]}\n"
        f"Nonce: {challenge['nonce']}\nIssued At: {datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')}"
    )
    signature = account.sign_message(encode_defunct(text=message)).signature
    session = ask(
        "mutation($m: String!, $s: Bytes!) { signIn(message: $m, signature: $s) { token account expiresAt } }",
        {"m": message, "s": "0x" + signature.hex().removeprefix("0x")},
    )["signIn"]
    tell("signed in", account=session["account"])
    return session["token"]


def best_ask():
    """The lowest price that somebody sells at now."""
    market = ask("query($id: Bytes32!) { market(id: $id) { ticker { ask } } }", {"id": MARKET})["market"]
    if market is None:
        sys.exit(f"there is no market {MARKET}")
    if market["ticker"]["ask"] is None:
        sys.exit("nobody sells now")
    return market["ticker"]["ask"]


def signed_order(amount, price):
    """Has an order filled in by the server and signs it. A wallet shows what it signs; a program can check it."""
    draft = {"account": account.address, "market": MARKET, "side": "BUY", "amount": amount, "price": price}
    to_sign = ask(
        """query($o: OrderDraft!) { orderTypedData(order: $o) { typedData digest order {
            account market side baseAmount limitPrice feeCap nonce expiry
            instructions { type timeInForce postOnly selfTrade displayAmount triggerPrice goodUntil clientOrderId } } } }""",
        {"o": draft},
    )["orderTypedData"]
    typed = to_sign["typedData"]
    assert typed["message"]["market"] == MARKET and typed["message"]["side"] == 0
    signed = account.sign_message(encode_typed_data(full_message=typed))
    digest = "0x" + bytes(signed.message_hash).hex()
    tell("signed", nonce=to_sign["order"]["nonce"], digestAgrees=digest == to_sign["digest"])
    return {**to_sign["order"], "signature": "0x" + bytes(signed.signature).hex()}


def place(order):
    """Places a signed order. Sent again after a lost answer it is the same order, not a second one."""
    placed = ask(
        """mutation($o: SignedOrderInput!) { placeOrder(order: $o) {
            repeated order { orderId status filled remaining average fee { cost currency } } } }""",
        {"o": order},
    )["placeOrder"]["order"]
    tell("placed", **placed)
    return placed


def follow_to_settlement(socket):
    """Hears of the account's fills until one is settled for good."""
    seen = None
    while True:
        message = json.loads(socket.recv(timeout=60))
        if message["type"] == "ping":
            socket.send('{"type":"pong"}')
        if message["type"] != "next":
            continue
        payload = message["payload"]
        if payload.get("errors"):
            raise SoukError(payload["errors"][0])
        news = payload["data"]["myFills"]
        # Every message names the one before it: a gap means that something was lost.
        assert news["snapshot"] or seen is None or news["prevSequence"] == seen, "a message is missing: subscribe anew"
        seen = news["sequence"]
        for fill in news["fills"]:
            state = fill.pop("state").lower()
            tell(state, **fill)
            if state in ("final", "busted"):
                return


def main():
    token = sign_in()
    with connect(URL.replace("http", "ws", 1), subprotocols=["graphql-transport-ws"]) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        assert json.loads(socket.recv(timeout=10))["type"] == "connection_ack"
        query = "subscription { myFills { snapshot sequence prevSequence fills { fillId state price amount transactionHash bustCause } } }"
        socket.send(json.dumps({"id": "fills", "type": "subscribe", "payload": {"query": query}}))
        place(signed_order("2", best_ask()))
        follow_to_settlement(socket)
    balances = ask("{ viewer { balances { currency free used pendingIn withdrawable } } }", token=token)["viewer"]["balances"]
    tell("balances", balances=balances)


if __name__ == "__main__":
    try:
        main()
    except SoukError as error:
        sys.exit(f"{error.code}: {error} {json.dumps(error.extensions)}")
