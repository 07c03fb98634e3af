"""Ready-made sensors that notify people of failed runs: by e-mail, and to a webhook."""

from __future__ import annotations

import json
import smtplib
import ssl
import urllib.request
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from typing import Any

from jobnb.automation.run_status import RunFailureSensorContext
from jobnb.definitions.automation.results import DefaultSensorStatus
from jobnb.definitions.automation.run_status_sensor import (
    RunFailureSensorDefinition,
    run_failure_sensor,
)
from jobnb.errors import InvalidDefinitionError, UserCodeExecutionError

Words = Callable[[RunFailureSensorContext], str]
_TIMEOUT = 30.0


def failure_text(context: RunFailureSensorContext) -> str:
    """Return a failed run in a few lines: the job, the run, and each step with what it raised."""
    run = context.dagster_run
    lines = [f"The run {run.run_id} of {run.title!r} failed."]
    if run.partition_words:
        lines.append(f"Partition: {run.partition_words}")
    for event in context.get_step_failure_events():
        error = getattr(event, "error", None)
        lines.append(f"{event.step_key}: {error}" if error is not None else str(event.step_key))
    if len(lines) == 1:
        lines.append(context.failure_event.message)
    return "\n".join(lines)


def _subject(context: RunFailureSensorContext) -> str:
    return f"The job {context.dagster_run.title!r} failed"


def send_email(
    message: EmailMessage,
    password: str | None,
    host: str,
    port: int,
    kind: str = "SSL",
    user: str | None = None,
) -> None:
    """Send an e-mail.

    Args:
        message: The mail.
        password: The password at the mail server; None where it asks for none.
        host: The mail server.
        port: Its port.
        kind: `SSL`, `STARTTLS`, or `PLAIN` for a server on this machine.
        user: The user at the mail server; the sender if None.
    """
    safe = ssl.create_default_context()
    server: smtplib.SMTP
    if kind == "SSL":
        server = smtplib.SMTP_SSL(host, port, context=safe, timeout=_TIMEOUT)
    else:
        server = smtplib.SMTP(host, port, timeout=_TIMEOUT)
    with server:
        if kind == "STARTTLS":
            server.starttls(context=safe)
        if password is not None:
            server.login(user or str(message["From"]), password)
        server.send_message(message)


def make_email_on_run_failure_sensor(
    email_from: str,
    email_password: str | None,
    email_to: Sequence[str],
    email_body_fn: Words = failure_text,
    email_subject_fn: Words = _subject,
    smtp_host: str = "smtp.gmail.com",
    smtp_type: str = "SSL",
    smtp_port: int | None = None,
    name: str | None = None,
    webserver_base_url: str | None = None,
    monitored_jobs: Sequence[Any] | None = None,
    job_selection: Sequence[Any] | None = None,
    monitor_all_repositories: bool = False,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    smtp_user: str | None = None,
    minimum_interval_seconds: int | None = None,
) -> RunFailureSensorDefinition:
    """Create a sensor that sends an e-mail for each run that fails.

    Args:
        email_from: The sender.
        email_password: The password at the mail server; None where it asks for none.
        email_to: Who gets it.
        email_body_fn: Gives the text from the context; the job, the run and the errors if absent.
        email_subject_fn: Gives the subject from the context.
        smtp_host: The mail server.
        smtp_type: `SSL`, `STARTTLS`, or `PLAIN` for a server on this machine.
        smtp_port: Its port; 465, 587 or 25 if absent, as the type has it.
        name: The name of the sensor.
        webserver_base_url: Where runs are shown: the mail then has a link to the run.
        monitored_jobs: The jobs whose runs count; those of its code location if absent.
        job_selection: The same, Dagster's older name.
        monitor_all_repositories: Whether the runs of all code locations count.
        default_status: Whether it runs without anybody having started it.
        smtp_user: The user at the mail server; the sender if absent.
        minimum_interval_seconds: How many seconds are between two evaluations at least.

    Raises:
        InvalidDefinitionError: If the type is unknown or nobody gets the mail.

    Example:
        >>> mail = make_email_on_run_failure_sensor("me@example.org", "secret", ["you@example.org"])
        >>> mail.name
        'email_on_run_failure_sensor'

    Source: Dagster's `make_email_on_run_failure_sensor`.
    """
    ports = {"SSL": 465, "STARTTLS": 587, "PLAIN": 25}
    if smtp_type not in ports:
        raise InvalidDefinitionError(
            f"{smtp_type!r} is no smtp_type. It is one of {', '.join(map(repr, ports))}."
        )
    if not email_to or isinstance(email_to, str):
        raise InvalidDefinitionError(f"email_to is a list of addresses, not {email_to!r}.")

    @run_failure_sensor(
        name=name or "email_on_run_failure_sensor",
        monitored_jobs=monitored_jobs,
        job_selection=job_selection,
        monitor_all_repositories=monitor_all_repositories,
        default_status=default_status,
        minimum_interval_seconds=minimum_interval_seconds,
    )
    def email_on_run_failure(context: RunFailureSensorContext) -> None:
        message = EmailMessage()
        message["From"], message["To"] = email_from, ", ".join(email_to)
        message["Subject"] = " ".join(email_subject_fn(context).split())
        link = f"\n\n{webserver_base_url}/runs/{context.dagster_run.run_id}"
        message.set_content(email_body_fn(context) + (link if webserver_base_url else ""))
        port = smtp_port or ports[smtp_type]
        send_email(message, email_password, smtp_host, port, smtp_type, smtp_user)

    return email_on_run_failure


def send_webhook(url: str, body: Any, headers: dict[str, str] | None = None) -> None:
    """Post JSON to a URL.

    Args:
        url: An http or https address.
        body: What is sent, ready to be JSON.
        headers: More headers.

    Raises:
        UserCodeExecutionError: If the server answers with an error.
    """
    data = json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, sent, method="POST")  # noqa: S310 checked below
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310 http(s) only
            return
    except OSError as error:
        host = request.host
        text = f"The webhook at {host} did not take it: {error}."
        raise UserCodeExecutionError(text, error) from error


def _message(context: RunFailureSensorContext) -> Any:
    return {"text": failure_text(context)}


def make_webhook_on_run_failure_sensor(
    url: str | Callable[[], str],
    body_fn: Callable[[RunFailureSensorContext], Any] = _message,
    *,
    headers: dict[str, str] | None = None,
    name: str | None = None,
    monitored_jobs: Sequence[Any] | None = None,
    monitor_all_repositories: bool = False,
    default_status: DefaultSensorStatus = DefaultSensorStatus.STOPPED,
    minimum_interval_seconds: int | None = None,
) -> RunFailureSensorDefinition:
    """Create a sensor that posts JSON to a webhook for each run that fails.

    Args:
        url: The address, or a function that gives it, so that a secret one stands nowhere.
        body_fn: Gives what is sent from the context; `{"text": ...}` if absent.
        headers: More headers of the request.
        name: The name of the sensor.
        monitored_jobs: The jobs whose runs count; those of its code location if absent.
        monitor_all_repositories: Whether the runs of all code locations count.
        default_status: Whether it runs without anybody having started it.
        minimum_interval_seconds: How many seconds are between two evaluations at least.

    Raises:
        InvalidDefinitionError: If the address is none of http or https.

    Example:
        >>> import os
        >>> make_webhook_on_run_failure_sensor(lambda: os.environ["CHAT_URL"]).name
        'webhook_on_run_failure_sensor'
    """

    def address() -> str:
        found = url() if callable(url) else url
        if not str(found).startswith(("https://", "http://")):
            raise InvalidDefinitionError("The URL of a webhook begins with https:// or http://.")
        return str(found)

    if not callable(url):
        address()

    @run_failure_sensor(
        name=name or "webhook_on_run_failure_sensor",
        monitored_jobs=monitored_jobs,
        monitor_all_repositories=monitor_all_repositories,
        default_status=default_status,
        minimum_interval_seconds=minimum_interval_seconds,
    )
    def webhook_on_run_failure(context: RunFailureSensorContext) -> None:
        send_webhook(address(), body_fn(context), headers)

    return webhook_on_run_failure
