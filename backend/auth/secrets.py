"""Random secrets and password hashes."""

import hashlib
import secrets

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

TOKEN_PREFIX = "segloop_"
MIN_PASSWORD_LENGTH = 10

# Argon2id with the OWASP password storage cheat sheet's floor: 19 MiB, 2 passes, 1 lane.
_password_hash = PasswordHash((Argon2Hasher(memory_cost=19456, time_cost=2, parallelism=1),))
# Verified against when there is no such user, so that both refusals take the same time.
_NOBODY_HASH = _password_hash.hash(secrets.token_urlsafe(16))


def new_secret(prefix: str = "") -> str:
    """A fresh secret of 256 random bits, safe in addresses and cookies."""
    return prefix + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is stored of a random secret; it has full entropy, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Argon2id hash of a password."""
    return _password_hash.hash(password)


def is_password(password: str, stored_hash: str | None) -> bool:
    """Whether the password fits; takes equally long when there is no hash to compare with."""
    is_right = _password_hash.verify(password, stored_hash or _NOBODY_HASH)
    return is_right and stored_hash is not None
