"""What the environment says about the service. Nothing clinical is set here."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings", "SettingsError", "read_settings"]

SEND_SECONDS = 45
"""Longest that one send may take; a lease is always longer, so that a live sender keeps its claim."""


class SettingsError(Exception):
    """A setting of the environment is not usable. The message names it and says what to write."""


class Settings(BaseSettings):
    """The settings of one process, read from variables that begin with PUMPCALC_."""

    model_config = SettingsConfigDict(env_prefix="PUMPCALC_", frozen=True, extra="ignore")

    database_url: Annotated[str, Field(repr=False)] = "sqlite:///var/pumpcalc.db"
    smtp_url: SecretStr | None = None
    mail_folder: str = "var/mail"
    mail_from: str = "pumpcalc@pumpcalc.invalid"
    public_url: str = "http://127.0.0.1:8000"
    sweep_seconds: Annotated[float, Field(gt=0, le=60)] = 15
    lease_seconds: Annotated[float, Field(gt=SEND_SECONDS, le=3600)] = 120
    senders: Annotated[int, Field(ge=1, le=64)] = 4
    ping_url: SecretStr | None = None
    webhook_networks: str = ""
    apprise_schemes: str = ""
    body_seconds: Annotated[float, Field(gt=0, le=60)] = 10
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url_is_understood(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("write it as smtp://user:password@host:port or smtps://user:password@host:port")
        return value

    @field_validator("ping_url")
    @classmethod
    def _ping_url_is_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if urlsplit(value.get_secret_value()).scheme not in ("http", "https"):
            raise ValueError("write the address that is to be asked after each sweep, such as https://ping.example/id")
        return value

    @field_validator("webhook_networks")
    @classmethod
    def _webhook_networks_are_networks(cls, value: str) -> str:
        for written in value.split():
            ipaddress.ip_network(written)
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_from_is_one_address(cls, value: str) -> str:
        if value.count("@") != 1 or not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("write one plain address, such as pumpcalc@hospital.example")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url_is_http(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")) or not value.isprintable() or " " in value:
            raise ValueError("write the address that people open, such as https://pumpcalc.hospital.example")
        return value.rstrip("/")


def read_settings() -> Settings:
    """The settings of the environment. Raises SettingsError, naming the variable, when one is not usable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "PUMPCALC_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}.") from None
