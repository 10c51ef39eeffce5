"""In what of its own a model departs from the report that it is of."""

from pipeline.contracts.checkpoint import Header
from pipeline.ground import plugins


def departures(header: Header) -> tuple[str, ...]:
    """In words: what OURS of family and network says of the whole, or of each setting that is not as by default."""
    family, network = plugins.load("models", header.family), plugins.load("networks", header.network)
    found: list[str] = []
    for module, settings in ((family, header.model_settings), (network, header.network_settings)):
        ours = getattr(module, "OURS", {})
        if isinstance(ours, str):
            found.append(ours)
            continue
        for key, words in ours.items():
            if settings[key] != module.Settings.model_fields[key].default:
                found.append(words)
    return tuple(found)
