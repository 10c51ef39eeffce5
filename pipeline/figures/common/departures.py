"""In which settings of its own a model departs from the report that it is of."""

from pipeline.contracts.checkpoint import Header
from pipeline.ground import plugins


def departures(header: Header) -> tuple[str, ...]:
    """In words: those of the family's and the network's settings OURS that are not as by default."""
    family, network = plugins.load("models", header.family), plugins.load("networks", header.network)
    found: list[str] = []
    for module, settings in ((family, header.model_settings), (network, header.network_settings)):
        for key, words in getattr(module, "OURS", {}).items():
            if settings[key] != module.Settings.model_fields[key].default:
                found.append(words)
    return tuple(found)
