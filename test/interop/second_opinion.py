"""Verifies and signs compact JWS with jwcrypto: one JSON request a line on stdin, one answer a line.

{"verify": jws, "alg": name, "jwk": public key} -> {"payload": base64url} or {"refused": why}
{"sign": base64url payload, "header": text, "jwk": private key} -> {"jws": compact}
{"thumbprint": jwk} -> {"thumbprint": RFC 7638 SHA-256}
"""

import json
import sys

from jwcrypto.common import JWException, base64url_decode, base64url_encode
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS


def answer(request):
    if "thumbprint" in request:
        return {"thumbprint": JWK(**request["thumbprint"]).thumbprint()}
    key = JWK(**request["jwk"])
    if "sign" in request:
        message = JWS(base64url_decode(request["sign"]))
        message.add_signature(key, protected=request["header"])
        return {"jws": message.serialize(compact=True)}
    try:
        message = JWS()
        message.deserialize(request["verify"])
        message.allowed_algs = [request["alg"]]
        message.verify(key)
    except JWException as refusal:
        return {"refused": str(refusal)}
    return {"payload": base64url_encode(message.payload)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
