#!/usr/bin/python3
"""Writes records.inc: the record layer and HOSTID computed by another implementation.

It follows the comments in examples/sfsd/channel/record.h and hostid.h and uses the Python package
`cryptography` (Debian: python3-cryptography). Run it again only when the protocol changes:

    tests/sfsd/vectors/make_vectors.py > tests/sfsd/vectors/records.inc
"""
import base64
import hashlib
import struct

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

DATA, CLOSE, RATCHET = 0, 1, 2
SUITES = {'aes-128-gcm': (AESGCM, 16), 'aes-256-gcm': (AESGCM, 32),
          'chacha20-poly1305': (ChaCha20Poly1305, 32)}


def expand(secret, purpose, suite, size):
    return HKDFExpand(hashes.SHA256(), size, f'sfs1 {purpose} {suite}'.encode()).derive(secret)


def seal(suite, secret, number, kind, payload):
    aead, key_size = SUITES[suite]
    key = aead(expand(secret, 'key', suite, key_size))
    iv = int.from_bytes(expand(secret, 'iv', suite, 12), 'big')
    header = struct.pack('>I', kind << 24 | len(payload))
    return header + key.encrypt((iv ^ number).to_bytes(12, 'big'), payload, header)


def stream(suite, secret):
    """The records of one stream: data, an empty one, a ratchet, data under the next key, close."""
    records = [(DATA, b'first light'), (DATA, b''), (RATCHET, b''),
               (DATA, bytes(range(256)) * 3), (RATCHET, b''), (CLOSE, b'')]
    for number, (kind, payload) in enumerate(records):
        yield number, kind, payload, seal(suite, secret, number, kind, payload)
        if kind == RATCHET:
            secret = expand(secret, 'ratchet', suite, 32)


def hostid(location, key_seed):
    public = Ed25519PrivateKey.from_private_bytes(key_seed).public_key()
    spki = public.public_bytes(serialization.Encoding.DER,
                               serialization.PublicFormat.SubjectPublicKeyInfo)
    name = location.encode()
    digest = hashlib.sha256(b'sfs-hostid-v1' + struct.pack('>I', len(name)) + name + spki).digest()
    return spki, base64.b32encode(digest).decode().lower().rstrip('=')


def main():
    print('// Made by make_vectors.py. Do not edit.')
    print('constexpr record_vector record_vectors[] = {')
    for index, suite in enumerate(SUITES):
        secret = hashlib.sha256(b'vector %d' % index).digest()
        for number, kind, payload, frame in stream(suite, secret):
            print(f'    {{"{suite}", "{secret.hex()}", {number}, {kind},\n'
                  f'     "{payload.hex()}",\n     "{frame.hex()}"}},')
    print('};')
    print('constexpr far_vector far_vectors[] = {')
    for index, suite in enumerate(SUITES):
        secret = hashlib.sha256(b'far %d' % index).digest()
        for number in (1, 0xffffffff, 0x100000000, 0xfedcba9876543210):
            frame = seal(suite, secret, number, DATA, b'far away')
            print(f'    {{"{suite}", "{secret.hex()}", {number}u,\n     "{frame.hex()}"}},')
    print('};')
    print('constexpr hostid_vector hostid_vectors[] = {')
    for location in ('localhost', '127.0.0.1%4433', '[::1]%65535', 'a' * 255):
        spki, text = hostid(location, hashlib.sha256(location.encode()).digest())
        print(f'    {{"{location}",\n     "{spki.hex()}",\n     "{text}"}},')
    print('};')


main()
