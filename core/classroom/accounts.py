"""People whom a provider has named (OpenID Connect): what its claims say, who may come in, and who leads.

The claims come from a signed identity token. This module takes them as true and says what follows from them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.classroom.words import NAME_LENGTH, BadName, ClassroomError, read_name


class BadLogin(ClassroomError):
    """A login that says too little, or was made for somebody else."""


class NotAdmitted(ClassroomError):
    def __init__(self) -> None:
        super().__init__(
            "This account is not one that this server lets in: log out, and log in with the account of your school."
        )


@dataclass(frozen=True)
class Account:
    """Somebody who has logged in. `issuer` and `subject` together are the person, whatever the name or the e-mail."""

    issuer: str
    subject: str
    name: str  # fit for a list on a projector
    email: str  # in small letters; empty unless the provider has verified it

    @property
    def owner(self) -> str:
        """Who this is for the executor: the same person in every tab, browser and room."""
        return f"login:{self._digest()}"

    def room_token(self, key: str) -> str:
        """What rooms know this person by, in every browser. It stays on the server; without `key` nobody can make it."""
        return hmac.new(key.encode(), f"room {self._digest()}".encode(), hashlib.sha256).hexdigest()

    def _digest(self) -> str:
        # The length of the first part keeps ("a", "bc") and ("ab", "c") apart.
        return hashlib.sha256(f"{len(self.issuer)} {self.issuer}{self.subject}".encode()).hexdigest()[:32]


def read_account(claims: Mapping[str, object], client_id: str) -> Account:
    """Who the claims of an identity token speak of.

    Args:
        claims: what the token says; its signature was checked before.
        client_id: this app's name at the provider, for whom the token must have been made.

    Raises BadLogin: the token was made for another app, or does not say who this is.
    """
    audience = claims.get("aud")
    meant_for = audience if isinstance(audience, list) else [audience]
    # Authlib lets another audience pass when the token says that it was handed to us ("azp"); we do not.
    if not client_id or client_id not in meant_for:
        raise BadLogin("This login was made for another app: log out, and log in again.")
    issuer, subject = _text(claims, "iss"), _text(claims, "sub")
    if not (issuer and subject):
        raise BadLogin("The provider does not say who you are (iss and sub): tell whoever runs this server.")
    # Some providers write a boolean as text.
    verified = claims.get("email_verified") in (True, "true")
    email = _text(claims, "email").strip().casefold()
    return Account(issuer, subject, _name(claims, subject), email if verified else "")


def leads(account: Account, instructors: Iterable[str]) -> bool:
    """Whether this is one of the instructors, each of whom is named by a verified e-mail address or by a `sub`.

    What has an @ is an address and no `sub`: at some providers people choose what stands there, unverified.
    """
    return any(who == (account.email if "@" in who else account.subject) for who in instructors)


def require_admission(account: Account, email_domains: Iterable[str], instructors: Iterable[str]) -> None:
    """Raises NotAdmitted unless the verified address is of one of these domains. None named: everybody may come in.

    Instructors may, wherever their address is.
    """
    endings = tuple(f"@{domain}" for domain in email_domains)
    if endings and not account.email.endswith(endings) and not leads(account, instructors):
        raise NotAdmitted()


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _name(claims: Mapping[str, object], subject: str) -> str:
    """The first of the names that can be shown; a provider that gives none still tells its people apart."""
    for claim in ("name", "preferred_username", "email"):
        try:
            return read_name(_text(claims, claim)[:NAME_LENGTH])
        except BadName:
            continue
    return f"Account {hashlib.sha256(subject.encode()).hexdigest()[:6]}"
