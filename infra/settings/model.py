"""Every setting, its variable, its default and its meaning. Secrets are never shown."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infra.settings import combinations, variables
from infra.settings.values import Address, Brokers, Certificates, FormerKeys, ReadableFile, TopicPrefix

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class Settings(BaseSettings):
    """Read from `MILLRACE_…` variables, then from `.env` in the working directory; arguments go before both.

    An empty variable counts as not set. Raises `Problem`, which names the variable and the cure.

    >>> Settings(kafka_bootstrap="localhost:9092", kafka_replication_factor=3).kafka_replication_factor
    3
    """

    model_config = SettingsConfigDict(
        env_prefix=variables.PREFIX,
        env_file=variables.ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        dotenv_filtering="only_existing",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    kafka_bootstrap: Brokers | None = None
    kafka_security_protocol: Protocol = "PLAINTEXT"
    kafka_sasl_mechanism: Mechanism | None = None
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_ca_file: Certificates | None = None
    """PEM; without it the system's authorities are trusted."""
    kafka_ssl_cert_file: ReadableFile | None = None
    kafka_ssl_key_file: ReadableFile | None = None
    kafka_ssl_key_password: SecretStr | None = None
    kafka_ssl_check_hostname: bool = True
    kafka_replication_factor: Annotated[int, Field(ge=1, le=32_767)] | None = None
    """Of the topics that Millrace creates; without it the broker's `default.replication.factor`."""

    topic_prefix: TopicPrefix = ""
    """Goes before the name of every topic, group and transactional id."""

    schema_registry_url: Address | None = None
    schema_registry_username: str | None = None
    schema_registry_password: SecretStr | None = None
    schema_registry_ca_file: Certificates | None = None

    clickhouse_url: Address | None = None
    """Of the HTTP interface; without a port 8123, or 8443 for https."""
    clickhouse_username: str | None = None
    clickhouse_password: SecretStr | None = None
    clickhouse_ca_file: Certificates | None = None
    clickhouse_database: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "default"

    ledger_key: SecretStr | None = None
    """Signs every entry of the ledger; with it, an entry that is not signed by it is refused."""
    ledger_former_keys: Annotated[FormerKeys, NoDecode] = ()
    """What they have signed holds too, until a newer one has signed. A list in JSON, the newest first."""
    accept_divergence: bool = False
    """Go on where folding again gives something else than the ledger says; the ledger then says so."""

    data_dir: Path | None = None
    """Where the embedded servers keep what they store; without it, it goes with them. Workers lock their slots there,
    without it in the directory for temporary files: workers of one host must name the same."""
    metrics_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """The first of the ports that serve /metrics, one for each process, counted up; 0: free ports."""

    def __init__(self, **given: Any) -> None:
        variables.require_readable()
        super().__init__(**given)

    @model_validator(mode="wrap")
    @classmethod
    def _speak_plainly(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        variables.refuse_unknown(variables.names_set(), cls.model_fields)
        try:
            settings = validate(given)
        except ValidationError as wrong:
            raise variables.problem_of(wrong) from None
        combinations.check(settings)
        return settings
