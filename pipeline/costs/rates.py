"""How fast devices are known to be, and what they cost: rates.yaml, beside this file, and the committed run's times."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.params import Strict

FILE: Final = Path(__file__).with_name("rates.yaml")
Precision = Literal["float32", "bfloat16"]
Number = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]


class Price(Strict):
    """dollars: an hour of one worker, as of a date. source: who says so."""

    dollars: float = Field(ge=0)
    date: date
    source: Text


class Rate(Strict):
    """One seed's training, alone on the device. images, operations, calls: of an iteration, see `work.Work`."""

    family: Text
    network: Text
    images: int = Field(gt=0)
    operations: Number
    calls: int = Field(gt=0)
    images_per_second: Number


class Measured(Strict):
    """Rates that were measured together. budget: whose sizes they had."""

    date: date
    machine: Text
    source: Text
    budget: Text
    precision: Precision
    experiments: dict[str, Rate]


class Device(Strict):
    """description: in words. worker: what trains one seed at a time. peak: operations a second that its maker promises,
    or that products of matrices reach, by precision. auto: what precision `auto` comes to. others: how much faster than
    a core of the committed run it is thought to train judges and to evaluate. times: the budget at whose sizes the
    committed run's times were taken, where they are this device's. like: whose rates are scaled by the peaks, where
    there are none of its own.
    """

    description: Text
    worker: Literal["GPU", "core"]
    peak: Annotated[dict[Precision, Number], Field(min_length=2)]
    auto: Precision
    others: Number
    price: Price
    times: Text | None = None
    like: Text | None = None
    measured: tuple[Measured, ...] = ()


class _File(Strict):
    devices: dict[str, Device]


def load(path: Path = FILE) -> dict[str, Device]:
    """The devices by name. Raises InputError, which names the key, where the file is not as it should be."""
    try:
        found = _File.model_validate(params.load(path)).devices
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(map(str, fault["loc"]))
        raise InputError(f"{path.name}: {key}: {fault['msg']}, found {fault['input']!r}") from None
    for name, device in found.items():
        if not (device.measured or device.times) and (device.like not in found or not found[device.like].measured):
            raise InputError(
                f"{path.name}: devices.{name}.like: expected a device that was measured, found {device.like!r}"
            )
    return found


def pick(name: str, devices: Mapping[str, Device]) -> str:
    """The device's name as the table has it, however it is written. Raises InputError that names those known."""
    plain = {"".join(each.lower().split()): each for each in devices}
    try:
        return plain["".join(name.lower().replace("-", " ").replace("_", " ").split())]
    except KeyError:
        raise InputError(f"--device {name}: expected one of {', '.join(devices)}") from None
