"""The keys of the ledger, as settings name them."""

from infra.settings.model import Settings
from streams.runtime.ledger import Signer


def signer(settings: Settings) -> Signer | None:
    """Who signs the ledger; None where no key is set."""
    if settings.ledger_key is None:
        return None
    key, *former = (each.get_secret_value().encode() for each in (settings.ledger_key, *settings.ledger_former_keys))
    return Signer(key, tuple(former))
