"""What columns are called."""

import re

from google.protobuf.descriptor import FieldDescriptor

from protolith.errors import Detail, InvalidNameError
from protolith.layout.choices import Choices
from protolith.options import MessageOptions


def column_name(part: FieldDescriptor, owner: MessageOptions, choices: Choices) -> str:
    """The name of a field's column where the field has no option `name`."""
    if choices.names == "json" or (choices.names == "field" and owner.use_json_names):
        return _json_name(part)
    return styled(part.name, choices)


def styled(name: str, choices: Choices) -> str:
    """A name of the schema in the column name style."""
    match choices.names:
        case "snake":
            return snake(name)
        case "camel" | "json":
            return re.sub(r"_+(.?)", lambda found: found[1].upper(), name) or name
        case _:
            return name


def number_name(name: str, choices: Choices) -> str:
    """The name of the column that holds the number of an enum."""
    return f"{name}Number" if choices.names in ("camel", "json") else f"{name}_number"


def snake(name: str) -> str:
    """A name in snake case."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _json_name(part: FieldDescriptor) -> str:
    try:
        return str(part.json_name)
    except UnicodeDecodeError:  # protoc takes any bytes
        details = [Detail("its json_name is not UTF-8", field_path=part.full_name)]
        hint = "change json_name, or set (gen_bq_schema.bigquery).name"
        raise InvalidNameError("a column's name is not UTF-8", details=details, hint=hint) from None
