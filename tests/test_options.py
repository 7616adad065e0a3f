from protolith import compile_protos
from protolith.options import FieldOptions, MessageOptions, field_options, message_options

PROTO = """
syntax = "proto3";
import "bq_table.proto";
import "bq_field.proto";
message M {
  option (gen_bq_schema.bigquery_opts) = {
    table_name: "t" use_json_names: true extra_fields: "x:STRING"
    output_field_order: FIELD_ORDER_BY_NUMBER
  };
  string a = 1 [(gen_bq_schema.bigquery) = {
    require: true type_override: "JSON" ignore: true description: "d" name: "n"
    policy_tags: "p" default_value_expression: "1"
  }];
  string b = 2 [deprecated = true];
}
"""


def test_options_are_read() -> None:
    message = compile_protos(PROTO).message("M")
    assert message_options(message) == MessageOptions(
        table_name="t", use_json_names=True, extra_fields=("x:STRING",), order_by_number=True
    )
    assert field_options(message.fields_by_name["a"]) == FieldOptions(
        require=True,
        type_override="JSON",
        ignore=True,
        description="d",
        name="n",
        policy_tags="p",
        default_value_expression="1",
    )


def test_no_options_are_empty_options() -> None:
    message = compile_protos('syntax = "proto3"; message M { string a = 1; }').message("M")
    assert message_options(message) == MessageOptions()
    assert field_options(message.fields_by_name["a"]) == FieldOptions()
    other = compile_protos(PROTO).message("M").fields_by_name["b"]
    assert field_options(other) == FieldOptions()
